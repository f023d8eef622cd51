import { elementAt } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { EncodingContext } from '../encoding/item-input.ts'
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

/** Passes over one item that have to agree with the one that gives its result. */
export interface VerificationPasses<T> {
  /** The whole sequence with every token scored, by itself, with raw logits looked at. */
  readonly alone: T
  /** The same once more. */
  readonly again: T
  /** x by itself; null where x has no scored token or nothing follows it. */
  readonly xAlone: T | null
  /** The whole sequence beside a longer one, so padded; null where the context leaves no room. */
  readonly padded: T | null
  /** y after the prefix token alone; null without one. */
  readonly yAlone: T | null
}

const PADDING_TOKENS = 8

/** The batches that `verify: "deep"` adds for an item; null when none of its tokens is scored. */
export function verificationBatches(
  encoded: Pick<EncodedItem, 'ids' | 'sizes'>,
  { vocabSize, maxModelLen, tokenizer }: EncodingContext
): VerificationPasses<Batch> | null {
  const { ids, sizes } = encoded
  const firstScored = Math.max(1, sizes.prefix)
  if (ids.length <= firstScored) return null
  const whole: ScoringSequence = { ids, firstScored }
  const xEnd = sizes.prefix + sizes.x
  const longer = Math.min(ids.length + PADDING_TOKENS, maxModelLen)
  const batch = (...sequences: ScoringSequence[]): Batch => ({ sequences, topCount: null })
  return {
    alone: { ...batch(whole), probe: { positions: spread(firstScored, ids.length, probeCount(vocabSize)), textVocabSize: tokenizer.info.vocabSize } },
    again: batch(whole),
    xAlone: xEnd > firstScored && xEnd < ids.length ? batch({ ids: ids.slice(0, xEnd), firstScored }) : null,
    padded: longer > ids.length ? batch(whole, { ids: Int32Array.from({ length: longer }, (_, i) => ids[i % ids.length]!), firstScored }) : null,
    yAlone: sizes.prefix === 1 && sizes.x > 0 && xEnd < ids.length ? batch({ ids: Int32Array.from([ids[0]!, ...ids.slice(xEnd)]), firstScored: 1 }) : null
  }
}

/** What the passes show beside the result's own `rows`, in the order of docs/reference/checks.md. */
export function verificationChecks(
  encoded: Pick<EncodedItem, 'ids' | 'sizes' | 'scoredStart' | 'scoredEnd'>,
  rows: RowScores,
  sums: LogProbSums,
  passes: VerificationPasses<BatchScores>,
  context: EncodingContext
): Check[] {
  const { sizes, ids, scoredStart, scoredEnd } = encoded
  const { toleranceNats, vocabSize, claimsFloat32 } = context
  const firstScored = Math.max(1, sizes.prefix)
  const alone = firstRow(passes.alone)
  const aloneLogProbs = alone.logProbs
  // Without y among the terms, x was scored with nothing behind it.
  const isWhole = scoredEnd === ids.length
  const ofRange =
    isWhole || passes.xAlone === null ? aloneLogProbs.subarray(scoredStart - firstScored, scoredEnd - firstScored) : firstRow(passes.xAlone).logProbs
  return [
    ...causality(),
    rerunCheck(toleranceNats, passDifference(aloneLogProbs, firstRow(passes.again).logProbs)),
    passCheck(
      { id: 'batch_invariance', what: 'the sequence in the batch of its result, and by itself', toleranceNats },
      passDifference(rows.logProbs, ofRange)
    ),
    passes.padded === null
      ? check('padding_invariance', 'skipped', 'the sequence fills the context, so nothing longer can stand beside it')
      : passCheck(
          { id: 'padding_invariance', what: 'the sequence padded beside a longer one, and by itself', toleranceNats },
          passDifference(firstRow(passes.padded).logProbs, aloneLogProbs)
        ),
    cacheCheck(),
    ...probeChecks({
      probes: passes.alone.probes,
      // Where the result has the row, its number is the one to be confirmed.
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
    // The result's own numbers of x where it has them in front of y.
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
    if (cachedTokens === 0) return check('cache_invariance', 'skipped', 'nothing of this result came from an earlier pass')
    return passCheck(
      { id: 'cache_invariance', what: `the sequence with ${cachedTokens} tokens of an earlier pass, and by itself`, toleranceNats },
      passDifference(rows.logProbs, ofRange)
    )
  }

  function contextCheck(): Check {
    if (passes.yAlone === null) return check('context_sensitivity', 'skipped', 'there is no x, no y or no prefix token to score y after')
    const conditional = aloneLogProbs.subarray(sizes.prefix + sizes.x - firstScored, ids.length - firstScored)
    const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0)
    return contextSensitivity(sum(conditional), sum(firstRow(passes.yAlone).logProbs), sizes.x, toleranceNats)
  }
}

/** The passes as work for the scheduler. */
export function workOf(batches: VerificationPasses<Batch>): ExactBatch[] {
  return presentOf(batches).map((exactly) => ({ exactly }))
}

/** The scores of all passes; `scoresOf` knows what became of each batch. */
export async function passesOf(batches: VerificationPasses<Batch>, scoresOf: (batch: Batch) => Promise<BatchScores>): Promise<VerificationPasses<BatchScores>> {
  const scores = new Map(await Promise.all(presentOf(batches).map(async (batch) => [batch, await scoresOf(batch)] as const)))
  const maybe = (batch: Batch | null): BatchScores | null => (batch === null ? null : (scores.get(batch) ?? null))
  return {
    alone: scores.get(batches.alone)!,
    again: scores.get(batches.again)!,
    xAlone: maybe(batches.xAlone),
    padded: maybe(batches.padded),
    yAlone: maybe(batches.yAlone)
  }
}

function presentOf({ alone, again, xAlone, padded, yAlone }: VerificationPasses<Batch>): Batch[] {
  return [alone, again, xAlone, padded, yAlone].filter((batch) => batch !== null)
}

function firstRow({ rows }: BatchScores): RowScores {
  const [row] = rows
  if (row === undefined) throw new Error('a verification pass came back without rows')
  return row
}

/** `count` positions from `start` to `end`, evenly spread, all of them when there are fewer. */
function spread(start: number, end: number, count: number): number[] {
  const available = end - start
  return Array.from({ length: Math.min(count, available) }, (_, i) => start + Math.floor((i * available) / Math.min(count, available)))
}
