/** Recomputes the values of single rows from raw logits in float64, independently of the scoring graph. */

export interface RowProbe {
  /** Position of the scored token in its sequence. The row predicts this token. */
  readonly position: number
  /** Whether every logit of the row is finite. -inf counts as finite for ids that the tokenizer does not have. */
  readonly isFinite: boolean
  /** log-sum-exp of the row in float64, nats. */
  readonly logSumExp: number
  /**
   * Log-probabilities of the token before the scored one, the scored one and the one after it, nats; null if there is
   * none.
   */
  readonly byShift: readonly [number | null, number, number | null]
  /** Sum of the probabilities according to the graph's log-softmax; 1 if that is correct. */
  readonly graphMass: number
  /** Total probability of the ids that the tokenizer does not have. */
  readonly unreachableMass: number
  /** -sum p log p, nats: from 0 to ln V. */
  readonly entropy: number
  /**
   * Largest number of significant bits of a logit: at most 24 in float32, 11 after rounding to float16, 8 to
   * bfloat16.
   */
  readonly significantBits: number
}

interface ProbedToken {
  readonly ids: Int32Array
  readonly position: number
  /** Vocabulary size of the tokenizer; the model may have more logits. */
  readonly textVocabSize: number
}

const MAX_PROBES = 32
/** `shift_alignment` needs 16 rows that have a neighbour on both sides. */
const MIN_PROBES = 18
/** 16 MB of float32 logits. */
const PROBED_LOGITS = 1 << 22

/** Number of rows that a verification fetches per sequence. */
export function probeCount(vocabSize: number): number {
  return Math.max(MIN_PROBES, Math.min(MAX_PROBES, Math.floor(PROBED_LOGITS / vocabSize)))
}

/** Examines one row, given its raw logits and the graph's log-softmax of them: (V,) each. */
export function rowProbe(logits: Float32Array, graphLogProbs: Float32Array, { ids, position, textVocabSize }: ProbedToken): RowProbe {
  const largest = logits.reduce((most, logit) => Math.max(logit, most), Number.NEGATIVE_INFINITY)
  let sum = 0
  let unreachable = 0
  let weighted = 0
  for (let v = 0; v < logits.length; v++) {
    const shifted = logits[v]! - largest
    const mass = Math.exp(shifted)
    sum += mass
    if (mass > 0) weighted += mass * shifted
    if (v >= textVocabSize) unreachable += mass
  }
  const logSumExp = largest + Math.log(sum)
  const logProbOf = (id: number | undefined): number | null => (id === undefined ? null : logits[id]! - logSumExp)
  return {
    position,
    isFinite: logits.every((logit, v) => Number.isFinite(logit) || (v >= textVocabSize && logit === Number.NEGATIVE_INFINITY)),
    logSumExp,
    byShift: [logProbOf(ids[position - 1]), logits[ids[position]!]! - logSumExp, logProbOf(ids[position + 1])],
    graphMass: graphLogProbs.reduce((total, logProb) => total + Math.exp(logProb), 0),
    unreachableMass: unreachable / sum,
    entropy: Math.log(sum) - weighted / sum,
    significantBits: new Int32Array(logits.slice().buffer).reduce((most, bits) => Math.max(most, significantBits(bits)), 0)
  }
}

/**
 * Significant bits of a float32 value, given as its bit pattern: 24 less the trailing zeros of its mantissa; 0 for
 * zero.
 */
function significantBits(bits: number): number {
  const mantissa = (bits & 0x7fffff) | 0x800000
  return bits << 1 === 0 ? 0 : 24 - (31 - Math.clz32(mantissa & -mantissa))
}
