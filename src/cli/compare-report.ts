import type { ComparisonResult, WorstToken } from '../compare/comparison.ts'
import type { ValueSummary } from '../compare/value-sample.ts'
import { printable } from './score-table.ts'

const WIDTH = 14

/** What is compared, and the texts that could not be. */
export interface ReportHead {
  readonly a: string
  readonly b: string
  readonly failed: number
}

/** The report for programs. */
export function comparisonJson({ a, b, failed }: ReportHead, result: ComparisonResult, maxMean: number | null): object {
  const { a: sumsA, b: sumsB, ...rest } = result
  return {
    object: 'comparison',
    ...rest,
    failed,
    a: { name: a, ...sumsA },
    b: { name: b, ...sumsB },
    ...(maxMean === null ? {} : { max_mean_nats: maxMean, within_limit: isWithin(result, maxMean) })
  }
}

/** Whether the mean of |delta| is at most `maxMean`. Without a token to compare it is not. */
export function isWithin({ delta }: Pick<ComparisonResult, 'delta'>, maxMean: number): boolean {
  return delta !== null && delta.mean_absolute <= maxMean
}

/** The report for a person. */
export function comparisonText({ a, b, failed }: ReportHead, result: ComparisonResult, maxMean: number | null): string {
  const {
    texts,
    texts_with_other_tokens: others,
    texts_with_other_start: otherStarts,
    tokens,
    delta,
    bits_per_byte_delta: rates,
    same_top: sameTop,
    worst
  } = result
  const row = (name: string, ...cells: readonly (string | number | null)[]): string =>
    name.padEnd(22) + cells.map((cell) => shown(cell).padStart(WIDTH)).join('')
  const lines = [
    `A: ${printable(a)}`,
    `B: ${printable(b)}`,
    '',
    `${texts} texts, ${tokens} tokens compared${failed === 0 ? '' : `, ${failed} texts failed`}`,
    '',
    row('', 'A', 'B', 'B - A'),
    row('perplexity per token', ...both(result.a.perplexity_per_token, result.b.perplexity_per_token)),
    row('bits per byte', ...both(result.a.bits_per_byte, result.b.bits_per_byte)),
    row('log Pr in nats', ...both(result.a.log_prob, result.b.log_prob)),
    ...(delta === null ? [] : ['', ...summaryLines('log Pr(token) under B minus A, in nats', delta)]),
    ...(sameTop === null ? [] : [`  same top token ${(100 * sameTop).toFixed(2)} %`]),
    ...(rates === null || (delta !== null && others === 0) ? [] : ['', ...summaryLines('bits per byte of each text under B minus A', rates)]),
    ...(others === 0
      ? []
      : ['', `${others} of ${texts} texts have other tokens on the two sides: no difference per token is defined for them, compare bits per byte`]),
    ...(otherStarts === 0
      ? []
      : [
          '',
          `warning: in ${otherStarts} of ${texts} texts only one side scores the first token, so it has a prefix token that the other lacks, and every difference contains that: try --prefix none`
        ]),
    ...(worst.length === 0 ? [] : ['', 'largest differences', ...worst.map(worstLine)]),
    ...(maxMean === null ? [] : ['', `mean |delta| ${isWithin(result, maxMean) ? 'is within' : 'is NOT within'} --max-mean-nats ${maxMean}`])
  ]
  return `${lines.join('\n')}\n`
}

function both(a: number | null, b: number | null): [number | null, number | null, number | null] {
  return [a, b, a === null || b === null ? null : b - a]
}

function summaryLines(title: string, { mean, mean_absolute, standard_deviation, min, max, quantiles, quantiles_of_sample }: ValueSummary): string[] {
  return [
    title,
    `  mean ${shown(mean)}, mean |delta| ${shown(mean_absolute)}, standard deviation ${shown(standard_deviation)}`,
    `  min ${shown(min)}, max ${shown(max)}`,
    `  quantiles${quantiles_of_sample ? ' of a sample' : ''}: ${quantiles.map(({ quantile, value }) => `${quantile} at ${shown(value)}`).join(', ')}`
  ]
}

function worstLine({ file, line, position, delta, a, b, before, token, after }: WorstToken): string {
  const place = [file, line === undefined ? undefined : `line ${line}`, `token ${position}`].filter((part) => part !== undefined).join(' ')
  return `  ${delta.toFixed(4).padStart(10)}  (${a.toFixed(4)}, ${b.toFixed(4)})  ${printable(before)}[${printable(token)}]${printable(after)}  ${printable(place)}`
}

function shown(value: string | number | null): string {
  if (value === null) return 'none'
  return typeof value === 'string' ? value : value.toFixed(Math.abs(value) >= 1000 ? 1 : 5)
}
