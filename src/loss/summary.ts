import type { LossDiagnosis } from '../scoring/loss/conventions.ts'
import type { Finding } from '../scoring/loss/findings.ts'
import type { LossTotals } from '../scoring/loss/totals.ts'

interface SummaryParts {
  readonly totals: LossTotals
  readonly tokenCount: number
  readonly findings: readonly Finding[]
  readonly diagnosis: LossDiagnosis | null
}

/** The diagnosis in a few sentences; errors come before warnings. */
export function summaryOf({ totals, tokenCount, findings, diagnosis }: SummaryParts): string {
  const ofSeverity = (wanted: Finding['severity']): string[] => findings.filter(({ severity }) => severity === wanted).map(({ code }) => code)
  const [errors, warnings] = [ofSeverity('error'), ofSeverity('warning')]
  const trained = `${totals.trainedTokens} of ${tokenCount} tokens ${totals.trainedTokens === 1 ? 'is' : 'are'} trained.`
  const codes = [...errors, ...warnings]
  return [
    trained,
    codes.length === 0 ? 'No problem was found in the mask of this request.' : `Problems: ${codes.join(', ')}.`,
    ...(diagnosis === null ? [] : [reportedText(diagnosis)])
  ].join(' ')
}

/** What explains a reported loss, in a sentence. */
export function reportedText({ value, verdict, conventions, nearest }: LossDiagnosis): string {
  const [best] = conventions
  if (best !== undefined) {
    const others = conventions.length - 1
    const also = others === 0 ? '' : ` (${others} other ${others === 1 ? 'convention gives' : 'conventions give'} it too)`
    return verdict === 'expected'
      ? `The reported loss equals the expected one${also}.`
      : `The reported loss is not the expected one. It is the ${best.message}${also}.`
  }
  const hint =
    value === 0
      ? ' Some trainers report a loss of exactly 0 when every label is masked.'
      : value < 0
        ? ' A cross-entropy loss is never below 0: was a log-probability reported instead?'
        : ''
  if (nearest === undefined) return `No convention could be computed for comparison with the reported loss.${hint}`
  return `No known convention gives the reported loss; the nearest, off by ${nearest.difference.toPrecision(3)}, is the ${nearest.message}.${hint}`
}
