import { elementAt } from '../element-at.ts'
import { encodeItems } from '../encoding/encode-items.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { DEFAULT_OPTIONS, type TextOrIds } from '../encoding/logprob-item.ts'
import { bytesOfIds, sameBytes } from '../encoding/token-text.ts'
import { ServiceError } from '../errors.ts'
import { boundaryCheck } from '../scoring/checks/input-checks.ts'
import { splitFinding } from '../scoring/loss/findings.ts'
import type { Reason } from '../scoring/loss/labels.ts'
import { partAt, rangeOf } from '../scoring/scored-sequence.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { LossInput, LossOptions } from './request.ts'

const REASONS = { prefix: 'bos', x: 'prompt', y: 'completion', eos: 'eos' } as const satisfies Record<string, Reason>

/**
 * Encodes (x, y) under the boundary policies of /v1/logprob, and trains y. Throws the errors of an item of that
 * endpoint.
 */
export async function encodePair(
  { x, y, boundary }: Extract<LossInput, { form: 'pair' }>,
  options: LossOptions,
  context: EncodingContext
): Promise<EncodedExample> {
  const item = { index: 0, candidate: 0, id: null, x, y, param: { x: 'x', y: 'y' } }
  const { eos, prefixToken, parseSpecialTokens } = options
  const encodedItems = await encodeItems([item], { ...DEFAULT_OPTIONS, boundary, eos, prefixToken, parseSpecialTokens }, context)
  const encoded = elementAt(encodedItems, 0)
  if (encoded instanceof ServiceError) throw encoded

  const { ids, sizes, inputInfo } = encoded
  const own = rangeOf(sizes, 'y')
  const yIds = ids.slice(own.start, own.end)
  const straddling = encoded.boundary.straddling_token
  const scoredY: TextOrIds = encoded.boundary.scored?.y ?? y
  const { specials, endId } = context.tokenizer.info
  // Token ids may already end with the end token.
  const endsItself = sizes.eos === 0 && yIds.at(-1) === endId
  const hasEnd = sizes.eos === 1 || endsItself
  const reasons = Array.from(ids, (_, position): Reason => REASONS[partAt(sizes, position)])
  if (hasEnd) reasons[ids.length - 1] = 'eos'
  return {
    ids,
    reasons,
    inputInfo,
    boundary: boundaryCheck(inputInfo),
    endPositions: hasEnd ? [ids.length - 1] : [],
    absentEndId: hasEnd ? null : endId,
    spellsCompletion: typeof scoredY === 'string' && !parseSpecialTokens ? sameBytes(bytesOfIds(context.tokenizer, yIds), Buffer.from(scoredY)) : null,
    strayControlTokens: parseSpecialTokens ? 0 : ids.filter((id, position) => reasons[position] === 'completion' && specials.has(id)).length,
    findings: straddling === undefined ? [] : [splitFinding(straddling.id)]
  }
}
