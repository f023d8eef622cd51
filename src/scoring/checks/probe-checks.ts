import type { RowProbe } from '../row-probe.ts'
import { type Check, check } from './check.ts'

/** Raw rows of one sequence, and what the scoring graph said of the same rows. */
export interface ProbedRows {
  readonly probes: readonly RowProbe[]
  /** Log-probabilities of the probed tokens as the graph gave them, nats. */
  readonly logProbs: readonly number[]
  readonly vocabSize: number
  /** float32 weights and activations are claimed. */
  readonly claimsFloat32: boolean
  /** How far `logProbs` may be from the probed pass by noise, nats a token: 0 where they are of that very pass. */
  readonly noiseNats: number
}

const NORMALIZATION_TOLERANCE = 1e-4
/** Of one log-softmax value in float32 with pairwise sums, some 2e-6, and room for larger vocabularies. */
const PARITY_TOLERANCE = 1e-4
const UNREACHABLE_TOLERANCE = 1e-3
/** Fewer tokens say nothing about a model. */
const LEAST_TOKENS = 16
const SHIFT_MARGIN = 0.5
const SHIFT_STANDARD_ERRORS = 3
/** Of ln V, the price of a random token: natural text costs less than half of it, word salad nearly all. */
const UNDERSTOOD_SHARE = 0.6
const FLOAT16_BITS = 11
/** An entropy may exceed ln V by rounding. */
const ENTROPY_SLACK = 1e-9

const PROBE_CHECK_IDS = ['finite_logits', 'normalization', 'loss_parity', 'shift_alignment', 'unreachable_mass', 'better_than_chance', 'precision'] as const

/** Everything that raw logits tell, in the order of the catalog. */
export function probeChecks(rows: ProbedRows): Check[] {
  // Checks of no rows at all would pass.
  if (rows.probes.length === 0)
    return PROBE_CHECK_IDS.map((id) => check(id, 'skipped', 'no raw logits were looked at: the text is too long for a vocabulary of this size'))
  return [finiteLogits, normalization, lossParity, shiftAlignment, unreachableMass, betterThanChance, precision].map((of) => of(rows))
}

/** `finite_logits`: `finite` on the whole row. */
export function finiteLogits({ probes }: ProbedRows): Check {
  const bad = probes.find((probe) => !probe.isFinite)
  if (bad === undefined) return check('finite_logits', 'pass', `all logits of ${probes.length} rows are finite`, { independent: true })
  return check('finite_logits', 'fail', `the row that predicts token ${bad.position} has a logit that is not a finite number`, {
    independent: true,
    value: bad.position
  })
}

/** `normalization`. `value` is the largest |sum of the graph's probabilities - 1|. */
export function normalization({ probes }: ProbedRows): Check {
  const value = largest(probes.map(({ graphMass }) => Math.abs(graphMass - 1)))
  const finding = { independent: true, value: finiteOrNull(value), tolerance: NORMALIZATION_TOLERANCE }
  if (value <= NORMALIZATION_TOLERANCE) return check('normalization', 'pass', 'the probabilities of a row add up to 1', finding)
  return check('normalization', 'fail', `the probabilities of a row add up to 1 only within ${value}`, finding)
}

/** `loss_parity`. `value` is the largest |difference| of a log-probability, nats. */
export function lossParity({ probes, logProbs, noiseNats }: ProbedRows): Check {
  const value = largest(probes.map(({ byShift }, i) => Math.abs(byShift[1] - logProbs[i]!)))
  const tolerance = PARITY_TOLERANCE + noiseNats
  const finding = { independent: true, value: finiteOrNull(value), tolerance }
  if (value <= tolerance) return check('loss_parity', 'pass', 'float64 code of its own gives the same log-probabilities', finding)
  return check('loss_parity', 'fail', `the log-probability from raw logits differs by ${value} nats`, finding)
}

/**
 * `shift_alignment`. `value` is by how much targets shifted by one are likelier than the better of the neighbouring
 * shifts, nats a token. Word salad may by chance suit a wrong shift: the text has to be one that the model understands under some shift, and
 * a difference has to stand out from the rows' own spread.
 */
export function shiftAlignment({ probes, vocabSize }: ProbedRows): Check {
  // Where neighbouring tokens are equal, as in doubled words, so are their numbers, and the row tells nothing.
  const rows = probes.flatMap(({ byShift }) => (byShift.every(Number.isFinite) && new Set(byShift).size === 3 ? [byShift as Shifts] : []))
  if (rows.length < LEAST_TOKENS)
    return check('shift_alignment', 'skipped', `${rows.length} tokens that differ from their neighbours are too few to tell: ${LEAST_TOKENS} are needed`)
  const [same, next, afterNext] = [0, 1, 2].map((shift) => mean(rows.map((row) => row[shift]!))) as [number, number, number]
  const best = Math.max(same, next, afterNext)
  if (!(-best < UNDERSTOOD_SHARE * Math.log(vocabSize)))
    return check('shift_alignment', 'skipped', 'the model does not understand the text under any shift, so none can be told')
  const differences = rows.map((row) => row[1] - row[same > afterNext ? 0 : 2])
  const value = mean(differences)
  const tolerance = Math.max(SHIFT_MARGIN, SHIFT_STANDARD_ERRORS * standardError(differences))
  const finding = { independent: true, value, tolerance }
  if (value >= -tolerance) return check('shift_alignment', 'pass', 'each row predicts the token after it', finding)
  const wrong = same > afterNext ? 'the token itself: labels are not shifted' : 'the token after next: labels are shifted twice'
  return check('shift_alignment', 'fail', `the rows predict ${wrong}`, finding)
}

type Shifts = readonly [number, number, number]

/** `unreachable_mass`. `value` is the largest probability of all ids beyond the tokenizer. */
export function unreachableMass({ probes }: ProbedRows): Check {
  const value = largest(probes.map((probe) => probe.unreachableMass))
  const finding = { independent: true, value: finiteOrNull(value), tolerance: UNREACHABLE_TOLERANCE }
  if (value < UNREACHABLE_TOLERANCE) return check('unreachable_mass', 'pass', 'hardly any probability lies on ids that the tokenizer does not have', finding)
  return check('unreachable_mass', 'warn', `a probability of ${value} lies on ids that the tokenizer does not have`, finding)
}

/** `better_than_chance`. `value` is the mean negative log-probability of a token, `tolerance` ln V, nats. */
export function betterThanChance({ probes, logProbs, vocabSize }: ProbedRows): Check {
  const chance = Math.log(vocabSize)
  const wild = probes.find(({ entropy }) => !(entropy >= -ENTROPY_SLACK && entropy <= chance + ENTROPY_SLACK))
  if (wild !== undefined)
    return check('better_than_chance', 'fail', `the entropy of a row, ${wild.entropy} nats, is outside 0 to ln ${vocabSize}`, {
      independent: true,
      value: finiteOrNull(wild.entropy),
      tolerance: chance
    })
  if (probes.length < LEAST_TOKENS) return check('better_than_chance', 'skipped', `${probes.length} tokens are too few to tell: ${LEAST_TOKENS} are needed`)
  const value = -mean(logProbs)
  const finding = { independent: true, value: finiteOrNull(value), tolerance: chance }
  if (value < chance) return check('better_than_chance', 'pass', `a token costs less than ln ${vocabSize}, the price of a random one`, finding)
  return check('better_than_chance', 'warn', `a token costs ${value} nats on average, more than ln ${vocabSize}, the price of a random one`, finding)
}

/** `precision`. `value` is the most significant bits that a logit uses. */
export function precision({ probes, claimsFloat32 }: ProbedRows): Check {
  const value = largest(probes.map(({ significantBits }) => significantBits))
  const finding = { independent: true, value, tolerance: FLOAT16_BITS }
  if (value > FLOAT16_BITS || !claimsFloat32) return check('precision', 'pass', `logits use up to ${value} significant bits, as the dtype has it`, finding)
  return check('precision', 'warn', `logits use only ${value} significant bits although float32 is claimed: they were rounded to half precision`, finding)
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of the mean of independent values. */
function standardError(values: readonly number[]): number {
  const center = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1) / values.length)
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
