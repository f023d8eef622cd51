import { type Check, check } from '../../../scoring/checks/check.ts'
import { passDifference } from '../../../scoring/checks/pass-checks.ts'
import type { BatchScores } from '../../engine.ts'
import type { Sharing } from '../../engine-info.ts'
import type { SelfTestTexts } from '../../protocol.ts'
import { type Scorer, sequenceOf } from './passes.ts'

/** What a model shares between sequences, and how to stop it. */
export interface SharingUnderTest {
  readonly info: Sharing
  switchOff(ability: 'packing' | 'prefixCache', reason: string): void
  /** Empties the cache. */
  forget(): void
}

type Texts = readonly (readonly number[])[]

/**
 * Scores texts that share a beginning, and one that shares nothing, packed and out of the prefix cache, and compares every
 * token with the plain pass over its text. What differs by more than the tolerance that plain passes gave is switched off: the
 * model is served without.
 */
export async function trySharing(model: Scorer, sharing: SharingUnderTest | null, texts: SelfTestTexts, toleranceNats: number): Promise<Check[]> {
  const { natural, reversed } = texts
  const half = Math.ceil(natural.length / 2)
  const branch = [...natural.slice(0, half), ...natural.slice(half).toReversed()]
  const all: Texts = [natural, branch, natural.slice(0, half), reversed, [...natural.slice(1), natural[0]!]]
  const { packing, prefixCache } = sharing?.info ?? {}

  const plainly = async (text: readonly number[]): Promise<Float32Array> => logProbsOf(await model.score({ sequences: [sequenceOf(text)], topCount: null }))[0]!
  const expected = new Map<readonly number[], Float32Array>()
  if (packing?.isOn || prefixCache?.isOn) for (const text of all) expected.set(text, await plainly(text))

  /** |difference| of every token, nats. */
  const differencesOf = (asked: Texts, scores: BatchScores): number[] =>
    asked.flatMap((text, i) => passDifference(logProbsOf(scores)[i] ?? [], expected.get(text) ?? []).all)
  const shared = (asked: Texts): Promise<BatchScores> => model.score({ sequences: asked.map(sequenceOf), topCount: null, layout: 'shared' })

  const checks: Check[] = []
  /** `asked` in order; what the trial finds decides whether it is served so. */
  const tried = async ({ id, ability, what, asked }: Trial): Promise<void> => {
    if (sharing === null || !sharing.info[ability].isOn) {
      checks.push(check(id, 'skipped', `${what} are not compared: ${sharing?.info[ability].reason ?? 'nothing is shared'}`))
      return
    }
    const found = await attempt(id, what, asked)
    if (found.status !== 'pass') sharing.switchOff(ability, found.message)
    checks.push(found)
    sharing.forget()
  }
  await tried({ id: 'packing_invariance', ability: 'packing', what: 'five texts packed into one row, and each by itself', asked: [all] })
  // Kept at the second sight, used from the third on: the whole text, one that leaves it halfway, and both together.
  const asked = [[natural], [natural], [natural], [branch], [branch, natural]]
  await tried({ id: 'cache_invariance', ability: 'prefixCache', what: 'texts behind a kept prefix, and each by itself', asked })
  return checks

  async function attempt(id: Trial['id'], what: string, asked: readonly Texts[]): Promise<Check> {
    const differences: number[] = []
    let keptTokens = 0
    try {
      for (const each of asked) {
        const scores = await shared(each)
        differences.push(...differencesOf(each, scores))
        keptTokens += scores.rows.reduce((sum, { work }) => sum + (work?.cachedTokens ?? 0), 0)
      }
    } catch (error) {
      // A graph may run plain passes and not this one.
      const reason = error instanceof Error ? error.message : String(error)
      return check(id, 'warn', `the pass ended with: ${reason}. This is not done: ${what}`)
    }
    if (id === 'cache_invariance' && keptTokens === 0) return check(id, 'warn', 'no prefix was kept, so there was nothing to compare')
    return judged(id, what, differences, toleranceNats)
  }
}

interface Trial {
  readonly id: 'packing_invariance' | 'cache_invariance'
  readonly ability: 'packing' | 'prefixCache'
  readonly what: string
  /** Batches of texts, in order. */
  readonly asked: readonly Texts[]
}

function logProbsOf({ rows }: BatchScores): Float32Array[] {
  return rows.map(({ logProbs }) => logProbs)
}

function judged(id: Trial['id'], what: string, differences: readonly number[], toleranceNats: number): Check {
  const max = Math.max(...differences)
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: toleranceNats }
  if (max <= toleranceNats) return check(id, 'pass', `the numbers agree: ${what}`, finding)
  return check(id, 'warn', `the numbers differ by ${max} nats a token, so this is not done: ${what}`, finding)
}
