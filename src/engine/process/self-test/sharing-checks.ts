import { type Check, check } from '../../../scoring/checks/check.ts'
import { passDifference } from '../../../scoring/checks/pass-checks.ts'
import type { BatchScores } from '../../engine.ts'
import type { Sharing } from '../../engine-info.ts'
import type { SelfTestTexts } from '../../protocol.ts'
import { type Scorer, sequenceOf } from './passes.ts'

/** Prefix sharing of the model under test; `ModelSharing` implements it. */
export interface SharingUnderTest {
  readonly info: Sharing
  switchOff(ability: 'packing' | 'prefixCache', reason: string): void
  clearCache(): void
}

type Texts = readonly (readonly number[])[]

interface SharingTest {
  readonly id: 'packing_invariance' | 'cache_invariance'
  readonly ability: 'packing' | 'prefixCache'
  readonly what: string
  /** Batches of texts, in order. */
  readonly batches: readonly Texts[]
}

/**
 * Scores texts with a common prefix, and one without, in a packed row and from the prefix cache, and compares every
 * token with the plain pass over its text. Switches off an ability whose scores differ by more than the measured
 * tolerance; the model is then served without it.
 */
export async function sharingChecks(model: Scorer, sharing: SharingUnderTest | null, texts: SelfTestTexts, toleranceNats: number): Promise<Check[]> {
  const { natural, reversed } = texts
  const half = Math.ceil(natural.length / 2)
  const branch = [...natural.slice(0, half), ...natural.slice(half).toReversed()]
  const all: Texts = [natural, branch, natural.slice(0, half), reversed, [...natural.slice(1), natural[0]!]]
  const { packing, prefixCache } = sharing?.info ?? {}

  const expected = new Map<readonly number[], Float32Array>()
  if (packing?.isOn || prefixCache?.isOn)
    for (const text of all) expected.set(text, logProbsOf(await model.score({ sequences: [sequenceOf(text)], topCount: null }))[0]!)

  const checks: Check[] = []
  await run({ id: 'packing_invariance', ability: 'packing', what: 'five texts packed into one row, and each by itself', batches: [all] })
  // Cached at its second occurrence and used from the third on: the whole text, one that diverges halfway, and both
  // together.
  const batches = [[natural], [natural], [natural], [branch], [branch, natural]]
  await run({ id: 'cache_invariance', ability: 'prefixCache', what: 'texts behind a cached prefix, and each by itself', batches })
  return checks

  async function run(test: SharingTest): Promise<void> {
    const { id, ability, what } = test
    if (sharing === null || !sharing.info[ability].isOn) {
      checks.push(check(id, 'skipped', `not compared: ${what} (${sharing?.info[ability].reason ?? 'prefix sharing is off'})`))
      return
    }
    const found = await compare(test)
    if (found.status !== 'pass') sharing.switchOff(ability, found.message)
    checks.push(found)
    sharing.clearCache()
  }

  async function compare({ id, what, batches }: SharingTest): Promise<Check> {
    /** |difference| of every token, nats. */
    const differences: number[] = []
    let cachedTokens = 0
    try {
      for (const batch of batches) {
        const scores = await model.score({ sequences: batch.map(sequenceOf), topCount: null, layout: 'shared' })
        const found = logProbsOf(scores)
        differences.push(...batch.flatMap((text, i) => passDifference(found[i] ?? [], expected.get(text)!).all))
        cachedTokens += scores.rows.reduce((sum, { work }) => sum + (work?.cachedTokens ?? 0), 0)
      }
    } catch (error) {
      // A graph may run plain passes and fail on these.
      const reason = error instanceof Error ? error.message : String(error)
      return check(id, 'warn', `switched off, because a forward pass failed with: ${reason}. Compared were ${what}`)
    }
    if (id === 'cache_invariance' && cachedTokens === 0) return check(id, 'warn', 'switched off, because no prefix was cached and nothing could be compared')
    return comparison(id, what, differences, toleranceNats)
  }
}

function logProbsOf({ rows }: BatchScores): Float32Array[] {
  return rows.map(({ logProbs }) => logProbs)
}

function comparison(id: SharingTest['id'], what: string, differences: readonly number[], toleranceNats: number): Check {
  const max = Math.max(...differences)
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: toleranceNats }
  if (max <= toleranceNats) return check(id, 'pass', `the log-probabilities agree: ${what}`, finding)
  return check(id, 'warn', `switched off, because the log-probabilities differ by ${max} nats per token: ${what}`, finding)
}
