import { rowChecksums } from '../../src/engine/checksum.ts'
import type { Batch, BatchScores, Engine, EngineState, RowScores, ScoringSequence } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import { type RowProbe, rowProbe } from '../../src/scoring/row-probe.ts'

/** What is wrong with a fake model; by default nothing. */
export interface ModelFaults {
  /** Rows depend on later tokens. */
  readonly seesLaterTokens?: boolean
  /** Rows depend on the other sequences of their batch. */
  readonly seesNeighbours?: boolean
  /** Rows depend on the padding of their sequence. */
  readonly seesPadding?: boolean
  /** Rows ignore everything up to the last of these tokens. */
  readonly forgetsAt?: readonly number[]
  /** Largest random error of a logit, new in every run, nats. The error of a log-probability is at most twice that. */
  readonly noiseNats?: number
  /** Distance of the predicted position from the scored one: -1 is the token before it, 1 the token after it. */
  readonly rowOffset?: -1 | 1
  /** A token whose logit is -Infinity. */
  readonly maskedId?: number
  /** Added to every computed log-probability, nats. */
  readonly changedByNats?: number
  /** Added to every entry of the log-softmax, nats. */
  readonly unnormalizedByNats?: number
  /** Logits are rounded to the 11 significant bits of float16. */
  readonly isHalfPrecision?: boolean
  /** Every token is equally probable. */
  readonly isUniform?: boolean
}

export interface FakeModelShape {
  readonly vocabSize: number
  /** Ids from this one on are almost impossible. */
  readonly textVocabSize: number
}

/** Spread of the logits, nats: a row prefers some tokens without being certain. */
const SPREAD = 8
const UNREACHABLE_LOGIT = -40

/**
 * A causal language model whose logits are a hash of the whole prefix. It is deterministic, has a real softmax in
 * float32 and returns rows and probes as the engine does. Its natural text is the text that it would generate
 * (`naturalIds`).
 */
export class FakeModel implements Engine {
  readonly state: EngineState = 'ready'
  readonly info: EngineInfo | null = null
  readonly #shape: FakeModelShape
  readonly #faults: ModelFaults
  /** Every batch it received. */
  readonly batches: Batch[] = []
  #runs = 0

  constructor(shape: FakeModelShape, faults: ModelFaults = {}) {
    this.#shape = shape
    this.#faults = faults
  }

  async score(batch: Batch): Promise<BatchScores> {
    this.#runs++
    this.batches.push(batch)
    const [probed] = batch.sequences
    return {
      rows: batch.sequences.map((sequence) => this.#rows(sequence, batch)),
      probes: probed === undefined ? [] : (batch.probe?.positions ?? []).map((position) => this.#probe(probed, position, batch)),
      runMs: 1
    }
  }

  async close(): Promise<void> {}

  #rows(sequence: ScoringSequence, batch: Batch): RowScores {
    const { ids, firstScored, targets, lastTokenCandidates = [] } = sequence
    const rows = [...ids.subarray(firstScored), ...lastTokenCandidates].map((id, i) => {
      const { logSoftmax, logSumExp } = this.#row(sequence, Math.min(firstScored + i, ids.length - 1), batch)
      const best = logSoftmax.indexOf(Math.max(...logSoftmax))
      return { logProb: logSoftmax[targets?.[i] ?? id]!, logSumExp, best, bestLogProb: logSoftmax[best]! }
    })
    const { changedByNats = 0 } = this.#faults
    return {
      logProbs: Float32Array.from(rows, ({ logProb }) => logProb + changedByNats),
      logSumExps: Float32Array.from(rows, ({ logSumExp }) => logSumExp),
      bestIds: Int32Array.from(rows, ({ best }) => best),
      bestLogProbs: Float32Array.from(rows, ({ bestLogProb }) => bestLogProb + changedByNats),
      detail: null,
      checksums: rowChecksums(sequence)
    }
  }

  #probe(sequence: ScoringSequence, position: number, batch: Batch): RowProbe {
    const { logits, logSoftmax } = this.#row(sequence, position, batch)
    return rowProbe(logits, logSoftmax, { ids: sequence.ids, position, textVocabSize: batch.probe?.textVocabSize ?? 0 })
  }

  /** The row that predicts the token at `position`. */
  #row(sequence: ScoringSequence, position: number, batch: Batch): { logits: Float32Array; logSoftmax: Float32Array; logSumExp: number } {
    const { rowOffset = 0, unnormalizedByNats = 0, noiseNats = 0, forgetsAt = [] } = this.#faults
    const prefix = sequence.ids.subarray(0, position + rowOffset)
    const seen = prefix.subarray(prefix.findLastIndex((id) => forgetsAt.includes(id)) + 1)
    const exact = logitsAfter(seen, this.#salt(sequence, position, batch), this.#shape, this.#faults)
    const logits = noiseNats === 0 ? exact : exact.map((logit, id) => logit + noiseNats * signedUnit(hashOf(Int32Array.of(this.#runs, position, id))))
    const largest = Math.max(...logits)
    const logSumExp = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0))
    return { logits, logSumExp, logSoftmax: logits.map((logit) => logit - logSumExp + unnormalizedByNats) }
  }

  /** 0, unless a row depends on more than its prefix. */
  #salt(sequence: ScoringSequence, position: number, { sequences }: Batch): number {
    const { seesLaterTokens = false, seesNeighbours = false, seesPadding = false } = this.#faults
    const later = seesLaterTokens ? hashOf(sequence.ids.subarray(position + 1)) ^ hashOf(new Int32Array(0)) : 0
    const beside = seesNeighbours ? sequences.filter((each) => each !== sequence).reduce((salt, { ids }) => salt ^ hashOf(ids), 0) : 0
    const padding = seesPadding ? Math.max(...sequences.map(({ ids }) => ids.length)) - sequence.ids.length : 0
    return later ^ beside ^ padding
  }
}

/**
 * Text that the model finds likely: after `start` the most probable token each time, occasionally the second most
 * probable.
 */
export function naturalIds(shape: FakeModelShape, start: number, length: number): number[] {
  const ids = [start]
  while (ids.length < length) {
    const logits = logitsAfter(Int32Array.from(ids), 0, shape, {})
    const byLogit = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!)
    ids.push(byLogit[ids.length % 5 === 4 ? 1 : 0]!)
  }
  return ids
}

/** Logits of the next token, (V,): a function of the whole prefix. */
function logitsAfter(prefix: Int32Array, salt: number, { vocabSize, textVocabSize }: FakeModelShape, faults: ModelFaults): Float32Array {
  const { maskedId, isHalfPrecision = false, isUniform = false } = faults
  const seed = hashOf(prefix) ^ salt
  return Float32Array.from({ length: vocabSize }, (_, id) => {
    if (id === maskedId) return Number.NEGATIVE_INFINITY
    if (isUniform) return 0
    const logit = id >= textVocabSize ? UNREACHABLE_LOGIT : SPREAD * signedUnit(hashOf(Int32Array.of(seed, id)))
    return isHalfPrecision ? rounded(logit) : logit
  })
}

/** MurmurHash3's mixing steps over the ids. */
function hashOf(ids: Int32Array): number {
  let hash = ids.length + 1
  for (const id of ids) {
    hash = Math.imul(hash ^ id, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash | 0
}

function signedUnit(hash: number): number {
  return hash / 2 ** 31
}

/** Rounds to 11 significant bits. */
function rounded(value: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10)
  return value === 0 ? 0 : Math.round(value / unit) * unit
}
