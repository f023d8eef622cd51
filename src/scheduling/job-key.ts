import { createHash } from 'node:crypto'
import type { ScoringJob } from './work.ts'

/** Equal for jobs whose numbers are the same: SHA-256 of ids and options, in base64. */
export function keyOfJob({ sequence: { ids, firstScored, targets, alternatives }, topCount }: ScoringJob): string {
  const hash = createHash('sha256')
  // Lengths first, so that no list can be taken for the end of another; -1 is absent.
  hash.update(Int32Array.of(firstScored, topCount ?? -1, ids.length, targets?.length ?? -1, alternatives?.length ?? -1))
  for (const list of [ids, targets, alternatives]) if (list !== undefined) hash.update(list)
  return hash.digest('base64')
}
