import type { RowProbe } from '../row-probe.ts'
import { type Check, check } from './check.ts'

/** Raw logits of rows of one sequence, and the log-probabilities that the scoring graph computed from the same rows. */
export interface ProbedRows {
  readonly probes: readonly RowProbe[]
  /** Log-probabilities of the probed tokens from the scoring graph, nats. */
  readonly logProbs: readonly number[]
  readonly vocabSize: number
  /** Whether the model's dtype is float32 for weights and activations. */
  readonly claimsFloat32: boolean
  /** Tolerance between `logProbs` and the probed pass, nats per token; 0 if both come from the same pass. */
  readonly noiseNats: number
}

const NORMALIZATION_TOLERANCE = 1e-4
/** The error of a float32 log-softmax with pairwise sums is near 2e-6; the rest is room for large vocabularies. */
const PARITY_TOLERANCE = 1e-4
const UNREACHABLE_TOLERANCE = 1e-3
/** A mean over fewer tokens says nothing about a model. */
const MIN_TOKENS = 16
/** Nats per token. */
const SHIFT_MARGIN = 0.5
const SHIFT_STANDARD_ERRORS = 3
/**
 * Share of ln V, the cost of a random token. Natural text costs less than half of ln V, shuffled words nearly all of
 * it.
 */
const UNDERSTOOD_SHARE = 0.6
const FLOAT16_BITS = 11
/** Rounding can lift an entropy this far above ln V, nats. */
const ENTROPY_SLACK = 1e-9

const PROBE_CHECK_IDS = ['finite_logits', 'normalization', 'loss_parity', 'shift_alignment', 'unreachable_mass', 'better_than_chance', 'precision'] as const

/** All checks of raw logits, in the order of the catalogue. */
export function probeChecks(rows: ProbedRows): Check[] {
  // Without rows, most of the checks would pass.
  if (rows.probes.length === 0)
    return PROBE_CHECK_IDS.map((id) => check(id, 'skipped', 'no raw logits were fetched: the text is too long for a vocabulary of this size'))
  return [finiteLogits, normalization, lossParity, shiftAlignment, unreachableMass, betterThanChance, precision].map((of) => of(rows))
}

/** `finite_logits`. `value` is the position of the token that the first such row predicts. */
export function finiteLogits({ probes }: Pick<ProbedRows, 'probes'>): Check {
  const bad = probes.find((probe) => !probe.isFinite)
  if (bad === undefined) return check('finite_logits', 'pass', `all logits of ${probes.length} rows are finite`, { independent: true })
  return check('finite_logits', 'fail', `the row that predicts the token at position ${bad.position} has a logit that is not finite`, {
    independent: true,
    value: bad.position
  })
}

/** `normalization`. `value` is the largest |sum of the probabilities of a row - 1|. */
export function normalization({ probes }: ProbedRows): Check {
  const value = largest(probes.map(({ graphMass }) => Math.abs(graphMass - 1)))
  const finding = { independent: true, value: finiteOrNull(value), tolerance: NORMALIZATION_TOLERANCE }
  if (value <= NORMALIZATION_TOLERANCE) return check('normalization', 'pass', `the probabilities of ${probes.length} rows add up to 1`, finding)
  return check('normalization', 'fail', `the probabilities of a row add up to 1 with an error of ${value}`, finding)
}

/** `loss_parity`. `value` is the largest |difference| of a token, nats. */
export function lossParity({ probes, logProbs, noiseNats }: ProbedRows): Check {
  const value = largest(probes.map(({ byShift }, i) => Math.abs(byShift[1] - logProbs[i]!)))
  const tolerance = PARITY_TOLERANCE + noiseNats
  const finding = { independent: true, value: finiteOrNull(value), tolerance }
  if (value <= tolerance) return check('loss_parity', 'pass', 'a second log-softmax in float64 gives the same log-probabilities', finding)
  return check('loss_parity', 'fail', `a second log-softmax in float64 gives a log-probability that differs by ${value} nats`, finding)
}

/**
 * `shift_alignment`. `value` is the mean log-probability with targets shifted by 1, less that of the better one of
 * shifts 0 and 2, nats per token. Meaningless text can fit a wrong shift by chance. Therefore the model has to predict
 * the text well under some shift, and the difference has to exceed the spread of the rows.
 */
export function shiftAlignment({ probes, vocabSize }: ProbedRows): Check {
  // Equal neighbours, as in doubled words, have equal log-probabilities, so their row does not tell shifts apart.
  const rows = probes.flatMap(({ byShift }) => (byShift.every(Number.isFinite) && new Set(byShift).size === 3 ? [byShift as Shifts] : []))
  if (rows.length < MIN_TOKENS) return check('shift_alignment', 'skipped', `${rows.length} tokens differ from their neighbours; the check needs ${MIN_TOKENS}`)
  const [same, next, afterNext] = [0, 1, 2].map((shift) => mean(rows.map((row) => row[shift]!))) as [number, number, number]
  const best = Math.max(same, next, afterNext)
  if (!(-best < UNDERSTOOD_SHARE * Math.log(vocabSize)))
    return check('shift_alignment', 'skipped', 'the model predicts the text badly under every shift, so no shift can be identified')
  const differences = rows.map((row) => row[1] - row[same > afterNext ? 0 : 2])
  const value = mean(differences)
  const tolerance = Math.max(SHIFT_MARGIN, SHIFT_STANDARD_ERRORS * standardError(differences))
  const finding = { independent: true, value, tolerance }
  if (value >= -tolerance) return check('shift_alignment', 'pass', 'each row predicts the next token', finding)
  const wrong = same > afterNext ? 'the current token: labels are not shifted' : 'the token after the next: labels are shifted twice'
  return check('shift_alignment', 'fail', `the rows predict ${wrong}`, finding)
}

type Shifts = readonly [number, number, number]

/** `unreachable_mass`. `value` is the largest probability that a row gives to all ids the tokenizer does not have. */
export function unreachableMass({ probes }: ProbedRows): Check {
  const value = largest(probes.map((probe) => probe.unreachableMass))
  const finding = { independent: true, value: finiteOrNull(value), tolerance: UNREACHABLE_TOLERANCE }
  if (value < UNREACHABLE_TOLERANCE) return check('unreachable_mass', 'pass', 'ids that the tokenizer does not have get almost no probability', finding)
  return check('unreachable_mass', 'warn', `ids that the tokenizer does not have get a probability of ${value}`, finding)
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
  if (probes.length < MIN_TOKENS) return check('better_than_chance', 'skipped', `the text has ${probes.length} probed tokens; the check needs ${MIN_TOKENS}`)
  const value = -mean(logProbs)
  const finding = { independent: true, value: finiteOrNull(value), tolerance: chance }
  if (value < chance)
    return check('better_than_chance', 'pass', `the mean negative log-probability is below ln ${vocabSize}, the cost of a random token`, finding)
  return check(
    'better_than_chance',
    'warn',
    `the mean negative log-probability is ${value} nats, not below ln ${vocabSize}, the cost of a random token`,
    finding
  )
}

/** `precision`. `value` is the largest number of significant bits in a logit. */
export function precision({ probes, claimsFloat32 }: ProbedRows): Check {
  const value = largest(probes.map(({ significantBits }) => significantBits))
  const finding = { independent: true, value, tolerance: FLOAT16_BITS }
  if (value > FLOAT16_BITS || !claimsFloat32) return check('precision', 'pass', `logits have up to ${value} significant bits, as the dtype promises`, finding)
  return check('precision', 'warn', `logits have at most ${value} significant bits although the dtype is float32`, finding)
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Standard error of the mean of independent values. */
function standardError(values: readonly number[]): number {
  const center = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1) / values.length)
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
