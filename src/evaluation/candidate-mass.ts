import { elementAt } from '../element-at.ts'
import { startsWith } from '../encoding/boundary.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { LogprobItem } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import { candidateMassCheck } from '../scoring/checks/group-checks.ts'
import type { SequenceScores } from './scored-item.ts'

interface Candidate {
  readonly item: LogprobItem
  readonly encoded: EncodedItem | ServiceError
}

/**
 * `candidate_mass` for the outputs of each x: one promise per item, the same one for all outputs of an x, empty where x
 * has a single output. It waits for all of them and ignores those that failed.
 */
export function candidateMasses(
  candidates: readonly Candidate[],
  scored: readonly Promise<SequenceScores | ServiceError>[],
  toleranceNats: number
): Promise<readonly Check[]>[] {
  const masses: Promise<readonly Check[]>[] = []
  for (let start = 0; start < candidates.length; ) {
    // The items of one x are consecutive, and `candidate` counts them from 0.
    let end = start + 1
    while (end < candidates.length && candidates[end]?.item.candidate === end - start) end++
    const mass = massOf(candidates.slice(start, end), scored.slice(start, end), toleranceNats)
    for (; start < end; start++) masses.push(mass)
  }
  return masses
}

async function massOf(
  group: readonly Candidate[],
  scored: readonly Promise<SequenceScores | ServiceError>[],
  toleranceNats: number
): Promise<readonly Check[]> {
  if (group.length < 2) return []
  const settled = await Promise.all(scored)
  const outputs = group.flatMap(({ encoded }, i) => {
    const own = elementAt(settled, i)
    if (encoded instanceof ServiceError || own instanceof ServiceError || own.sums.conditional === null) return []
    const xEnd = encoded.sizes.prefix + encoded.sizes.x
    return [{ context: encoded.ids.subarray(0, xEnd), ids: encoded.ids.subarray(xEnd), conditional: own.sums.conditional }]
  })
  const [first] = outputs
  if (first === undefined || outputs.length < 2) return []
  const haveSameContext = outputs.every(({ context }) => context.length === first.context.length && startsWith(context, first.context))
  if (!haveSameContext)
    return [check('candidate_mass', 'skipped', 'the outputs have different tokens in front of them, so their probabilities are not those of one choice')]
  return [candidateMassCheck(outputs, toleranceNats)]
}
