/** A second look at single rows of logits, written without the scoring graph: its evidence is independent of the graph's. */

export interface RowProbe {
  /** Position of the scored token in its sequence; the row is the one that predicts it. */
  readonly position: number
  /** Whether every logit of the row is a finite number. A masked-out token (-inf) is not, unless the tokenizer does not have it. */
  readonly isFinite: boolean
  /** log-sum-exp of the row in float64, nats. */
  readonly logSumExp: number
  /**
   * Log-probability that this row gives to the token before the scored one, to the scored one and to the one after it,
   * nats; null where there is none.
   */
  readonly byShift: readonly [number | null, number, number | null]
  /** Sum of the probabilities by the graph's own log-softmax; 1 when it is one. */
  readonly graphMass: number
  /** Probability of all ids that the tokenizer does not have. */
  readonly unreachableMass: number
  /** -sum p log p, nats: from 0 to ln V. */
  readonly entropy: number
  /** The most significant bits that a logit of the row uses: up to 24 in float32, 11 when it was rounded to float16, 8 to bfloat16. */
  readonly significantBits: number
}

interface ProbedToken {
  readonly ids: Int32Array
  readonly position: number
  readonly textVocabSize: number
}

/** Rows worth looking at in one sequence: 32, or as many as 16 MB of logits hold, but never too few for the shift. */
const MAX_PROBES = 32
const MIN_PROBES = 18
const PROBED_LOGITS = 1 << 22

/** How many rows of a model with so many logits each a verification asks for. */
export function probeCount(vocabSize: number): number {
  return Math.max(MIN_PROBES, Math.min(MAX_PROBES, Math.floor(PROBED_LOGITS / vocabSize)))
}

/** Examines one row: its raw logits and the graph's log-softmax of them, (V,) each. */
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

/** Significant bits that a float32 number uses: 24 less the zeros at the end of its mantissa; 0 for zero. */
function significantBits(bits: number): number {
  const mantissa = (bits & 0x7fffff) | 0x800000
  return bits << 1 === 0 ? 0 : 24 - (31 - Math.clz32(mantissa & -mantissa))
}
