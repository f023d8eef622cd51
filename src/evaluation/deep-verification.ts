import { elementAt, entryOf } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { Batch, BatchScores, RowScores, ScoringSequence } from '../engine/engine.ts'
import type { ExactBatch } from '../scheduling/job.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import {
  additivityWithSeparateMarginal,
  contextSensitivity,
  jointLeSeparateMarginal,
  passCheck,
  passDifference,
  rerunCheck
} from '../scoring/checks/pass-checks.ts'
import { probeChecks } from '../scoring/checks/probe-checks.ts'
import { probeCount } from '../scoring/row-probe.ts'
import type { LogProbSums } from '../scoring/scored-sequence.ts'
import type { EvaluationContext } from './evaluation-context.ts'

/** Passes over one item that must agree with the pass that gives its result. */
export interface VerificationPasses<T> {
  /** The whole sequence in a batch of its own, with every token scored and raw logits probed. */
  readonly alone: T
  /** A repetition of `alone`, without the probe. */
  readonly again: T
  /** x by itself; null when x has no scored token or nothing follows it. */
  readonly xAlone: T | null
  /** The whole sequence padded to the length of a second one; null when no longer sequence fits into the context. */
  readonly padded: T | null
  /** y right after the prefix token, without x; null when there is no prefix token, x or y. */
  readonly yAlone: T | null
}

const PADDING_TOKENS = 8

/** The batches that `verify: "deep"` runs for an item; null when none of its tokens is scored. */
export function verificationBatches(
  encoded: Pick<EncodedItem, 'ids' | 'sizes'>,
  { vocabSize, maxModelLen, tokenizer }: Pick<EvaluationContext, 'vocabSize' | 'maxModelLen' | 'tokenizer'>
): VerificationPasses<Batch> | null {
  const { ids, sizes } = encoded
  const firstScored = Math.max(1, sizes.prefix)
  if (ids.length <= firstScored) return null
  const whole: ScoringSequence = { ids, firstScored }
  const xEnd = sizes.prefix + sizes.x
  const paddedLength = Math.min(ids.length + PADDING_TOKENS, maxModelLen)
  const batch = (...sequences: ScoringSequence[]): Batch => ({ sequences, topCount: null })
  return {
    alone: { ...batch(whole), probe: { positions: evenlySpaced(firstScored, ids.length, probeCount(vocabSize)), textVocabSize: tokenizer.info.vocabSize } },
    again: batch(whole),
    xAlone: xEnd > firstScored && xEnd < ids.length ? batch({ ids: ids.slice(0, xEnd), firstScored }) : null,
    padded:
      paddedLength > ids.length
        ? batch(whole, { ids: Int32Array.from({ length: paddedLength }, (_, i) => elementAt(ids, i % ids.length)), firstScored })
        : null,
    yAlone:
      sizes.prefix === 1 && sizes.x > 0 && xEnd < ids.length ? batch({ ids: Int32Array.from([elementAt(ids, 0), ...ids.slice(xEnd)]), firstScored: 1 }) : null
  }
}

/** Compares the passes with the `rows` of the result; the checks come in the order of docs/reference/checks.md. */
export function verificationChecks(
  encoded: Pick<EncodedItem, 'ids' | 'sizes' | 'scoredStart' | 'scoredEnd'>,
  rows: RowScores,
  sums: LogProbSums,
  passes: VerificationPasses<BatchScores>,
  context: EvaluationContext
): Check[] {
  const { sizes, ids, scoredStart, scoredEnd } = encoded
  const { toleranceNats, vocabSize, claimsFloat32 } = context
  const firstScored = Math.max(1, sizes.prefix)
  const alone = firstRow(passes.alone)
  const aloneLogProbs = alone.logProbs
  // When no term needs y, the result scored x with nothing after it.
  const isWhole = scoredEnd === ids.length
  /** What the result's rows are compared with: the same positions, computed alone. */
  const sameRowsAlone =
    isWhole || passes.xAlone === null ? aloneLogProbs.subarray(scoredStart - firstScored, scoredEnd - firstScored) : firstRow(passes.xAlone).logProbs
  return [
    ...causality(),
    rerunCheck(toleranceNats, passDifference(aloneLogProbs, firstRow(passes.again).logProbs)),
    passCheck(
      { id: 'batch_invariance', what: 'the sequence in the batch of its result, and by itself', toleranceNats },
      passDifference(rows.logProbs, sameRowsAlone)
    ),
    passes.padded === null
      ? check('padding_invariance', 'skipped', 'the sequence fills the context, so no longer one can share a batch with it')
      : passCheck(
          { id: 'padding_invariance', what: 'the sequence padded beside a longer one, and by itself', toleranceNats },
          passDifference(firstRow(passes.padded).logProbs, aloneLogProbs)
        ),
    cacheCheck(),
    ...probeChecks({
      probes: passes.alone.probes,
      // Confirms the log-probability of the result itself wherever it has the row.
      logProbs: passes.alone.probes.map(
        ({ position }) => (isWhole ? rows.logProbs[position - scoredStart] : undefined) ?? elementAt(aloneLogProbs, position - firstScored)
      ),
      vocabSize,
      claimsFloat32,
      noiseNats: toleranceNats
    }),
    contextCheck()
  ]

  function causality(): Check[] {
    const ids = ['causality', 'joint_le_marginal_two_pass', 'additivity_two_pass'] as const
    if (passes.xAlone === null) return ids.map((id) => check(id, 'skipped', 'x has no scored token, or nothing follows it'))
    const xAlone = firstRow(passes.xAlone).logProbs
    const separate = { marginal: xAlone.reduce((sum, value) => sum + value, 0), tokens: xAlone.length, toleranceNats }
    // The x of the result, where it scored x in front of y.
    const hasX = isWhole && scoredStart === firstScored
    const xTogether = (hasX ? rows.logProbs : aloneLogProbs).subarray(0, sizes.prefix + sizes.x - firstScored)
    return [
      passCheck(
        { id: 'causality', what: `the ${xAlone.length} tokens of x by themselves, and in front of y`, toleranceNats },
        passDifference(xAlone, xTogether)
      ),
      jointLeSeparateMarginal(sums, separate),
      additivityWithSeparateMarginal(sums, separate)
    ]
  }

  function cacheCheck(): Check {
    const cachedTokens = rows.work?.cachedTokens ?? 0
    if (cachedTokens === 0) return check('cache_invariance', 'skipped', 'no part of this result came from the prefix cache or an earlier result')
    return passCheck(
      { id: 'cache_invariance', what: `the sequence with ${cachedTokens} cached tokens, and by itself`, toleranceNats },
      passDifference(rows.logProbs, sameRowsAlone)
    )
  }

  function contextCheck(): Check {
    if (passes.yAlone === null) return check('context_sensitivity', 'skipped', 'there is no x, no y, or no prefix token to score y after')
    const conditional = aloneLogProbs.subarray(sizes.prefix + sizes.x - firstScored, ids.length - firstScored)
    const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0)
    return contextSensitivity(sum(conditional), sum(firstRow(passes.yAlone).logProbs), sizes.x, toleranceNats)
  }
}

export function workOf(batches: VerificationPasses<Batch>): ExactBatch[] {
  return batchesOf(batches).map((exactly) => ({ exactly }))
}

/** Waits for the scores of all passes; `scoresOf` returns those of a batch. */
export async function passesOf(batches: VerificationPasses<Batch>, scoresOf: (batch: Batch) => Promise<BatchScores>): Promise<VerificationPasses<BatchScores>> {
  const scores = new Map(await Promise.all(batchesOf(batches).map(async (batch) => [batch, await scoresOf(batch)] as const)))
  const optional = (batch: Batch | null): BatchScores | null => (batch === null ? null : entryOf(scores, batch))
  return {
    alone: entryOf(scores, batches.alone),
    again: entryOf(scores, batches.again),
    xAlone: optional(batches.xAlone),
    padded: optional(batches.padded),
    yAlone: optional(batches.yAlone)
  }
}

function batchesOf({ alone, again, xAlone, padded, yAlone }: VerificationPasses<Batch>): Batch[] {
  return [alone, again, xAlone, padded, yAlone].filter((batch) => batch !== null)
}

function firstRow({ rows }: BatchScores): RowScores {
  return elementAt(rows, 0)
}

/** Up to `count` positions from `start` to `end`, evenly spaced. */
function evenlySpaced(start: number, end: number, count: number): number[] {
  const available = end - start
  return Array.from({ length: Math.min(count, available) }, (_, i) => start + Math.floor((i * available) / Math.min(count, available)))
}
