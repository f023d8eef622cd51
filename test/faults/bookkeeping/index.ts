import type { CheckSubject } from '../../../src/scoring/checks/request-checks.ts'
import type { LogProbSums } from '../../../src/scoring/scored-sequence.ts'
import { itemOf, optionsOf } from '../../support/logprob-items.ts'
import type { Fault } from '../fault.ts'

/** Changes the values that the checks receive. */
function summingBy(change: (sums: LogProbSums, logProbs: readonly (number | null)[]) => Partial<LogProbSums>): Pick<Fault, 'subject'> {
  return { subject: (subject: CheckSubject) => ({ ...subject, sums: { ...subject.sums, ...change(subject.sums, subject.sequence.logProbs) } }) }
}

/** Faults around correct log-probabilities: in the service's sums and counts, and in what a client sends. */
export const BOOKKEEPING_FAULTS: readonly Fault[] = [
  {
    name: 'sums in float16',
    kind: 'bookkeeping',
    description: 'the sums are accumulated in half precision',
    ...summingBy(({ joint, marginal, conditional }) => ({ joint: toFloat16(joint), marginal: toFloat16(marginal), conditional: toFloat16(conditional) }))
  },
  {
    name: 'boundary token counted twice',
    kind: 'bookkeeping',
    description: 'the last token is also added to the marginal',
    ...summingBy(({ marginal }, logProbs) => ({ marginal: marginal === null ? null : marginal + (logProbs.at(-1) ?? 0) }))
  },
  {
    name: 'mean instead of the sum',
    kind: 'bookkeeping',
    description: 'joint is a mean over tokens instead of a sum',
    ...summingBy(({ joint }, logProbs) => ({ joint: joint === null ? null : joint / logProbs.length }))
  },
  {
    name: 'tokens of x dropped',
    kind: 'bookkeeping',
    description: 'three tokens of x were dropped to fit the context',
    subject: (subject) => ({ ...subject, inputInfo: { ...subject.inputInfo, droppedTokens: 3 } })
  },
  {
    name: 'emoji cut in half',
    kind: 'client',
    description: 'a client cuts its texts by UTF-16 units and sends half a character',
    requests: () => [{ items: [itemOf('It made me \ud83d', ' laugh')], options: optionsOf() }]
  }
]

function toFloat16(value: number | null): number | null {
  if (value === null || value === 0) return value
  const scale = 2 ** (10 - Math.floor(Math.log2(Math.abs(value))))
  return Math.round(value * scale) / scale
}
