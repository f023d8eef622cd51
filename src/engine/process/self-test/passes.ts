import { ServiceError } from '../../../errors.ts'
import { check, verdictOf } from '../../../scoring/checks/check.ts'
import { finiteLogits } from '../../../scoring/checks/probe-checks.ts'
import { probeCount } from '../../../scoring/row-probe.ts'
import type { Batch, BatchScores } from '../../engine.ts'
import type { SelfTestTexts } from '../../protocol.ts'

/** Scores batches: a loaded model, or one with a planted fault. */
export interface Scorer {
  score(batch: Batch): Promise<BatchScores>
}

/** Scores of one text in settings that must not change them. */
export interface Passes {
  readonly alone: BatchScores
  readonly again: BatchScores
  /** The first half, by itself. */
  readonly half: BatchScores
  /** The whole text beside two others of its length. */
  readonly beside: BatchScores
  /** The first half beside the whole text, and so padded to its length. */
  readonly padded: BatchScores
  /** The words of the text in reverse order. */
  readonly reversed: BatchScores
}

/**
 * Throws `model_invalid` for a logit or a log-probability that is not finite: every further check would fail as well,
 * with causes that are not the reason.
 */
function assertFinite(scores: BatchScores): void {
  const bad = firstLogProbs(scores).findIndex((value) => !Number.isFinite(value))
  const probed = finiteLogits({ probes: scores.probes })
  if (probed.status !== 'fail' && bad < 0) return
  const found =
    probed.status === 'fail' ? probed : check('finite_logits', 'fail', `the log-probability at position ${bad + 1} is not finite`, { independent: true })
  const [explained = found] = verdictOf([found]).items
  throw new ServiceError('model_invalid', `the start-up self-test failed: [finite_logits] ${explained.message}`)
}

/**
 * Scores the self-test's text alone, again, in half, beside others and padded, and its words in reverse order. Throws
 * as `assertFinite` does.
 */
export async function runPasses(model: Scorer, { natural, reversed, textVocabSize }: SelfTestTexts, vocabSize: number): Promise<Passes> {
  const whole = sequenceOf(natural)
  const half = sequenceOf(natural.slice(0, Math.ceil(natural.length / 2)))
  const positions = Array.from({ length: Math.min(probeCount(vocabSize), natural.length - 1) }, (_, i) => i + 1)
  const score = (sequences: Batch['sequences']): Promise<BatchScores> => model.score({ sequences, topCount: null })

  const alone = await model.score({ sequences: [whole], topCount: null, probe: { positions, textVocabSize } })
  assertFinite(alone)
  return {
    alone,
    again: await score([whole]),
    half: await score([half]),
    beside: await score([whole, sequenceOf(natural.toReversed()), sequenceOf([...natural.slice(1), natural[0]!])]),
    padded: await score([half, whole]),
    reversed: await score([sequenceOf(reversed)])
  }
}

export function sequenceOf(ids: readonly number[]): { readonly ids: Int32Array; readonly firstScored: number } {
  return { ids: Int32Array.from(ids), firstScored: 1 }
}

export function firstLogProbs({ rows }: BatchScores): Float32Array {
  return rows[0]?.logProbs ?? new Float32Array(0)
}
