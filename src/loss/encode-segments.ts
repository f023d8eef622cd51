import { elementAt } from '../element-at.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { checkedInput } from '../encoding/item-input.ts'
import { ServiceError } from '../errors.ts'
import { tokenStarts } from '../tokenizer/token-bytes.ts'
import { encodeRegions } from './encode-regions.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { Region } from './regions.ts'
import type { LossInput, LossOptions } from './request.ts'

/**
 * Encodes segments as one text, because tokens may cross the ends of segments.
 *
 * Throws `boundary_not_exact` when the tokens do not spell the text: then no token can be assigned to a segment.
 */
export async function encodeSegments(
  { segments }: Extract<LossInput, { form: 'segments' }>,
  options: LossOptions,
  context: EncodingContext
): Promise<EncodedExample> {
  segments.forEach(({ text }, i) =>
    checkedInput(text, `segments/${i}/text`, { boundary: 'auto', onOverflow: 'error', parseSpecialTokens: options.parseSpecialTokens }, context)
  )
  const text = segments.map((segment) => segment.text).join('')
  checkedInput(text, 'segments', { boundary: 'auto', onOverflow: 'error', parseSpecialTokens: options.parseSpecialTokens }, context)

  const { tokenizer } = context
  const { specials } = tokenizer.info
  const ids = elementAt(await tokenizer.encode([text], { parseSpecialTokens: options.parseSpecialTokens }), 0)
  const spelled = Array.from(ids, (id) => (specials.has(id) ? Buffer.from(specials.get(id) ?? '') : tokenizer.bytesOf(id)))
  const starts = tokenStarts(spelled, Buffer.from(text))
  if (starts === null)
    throw new ServiceError(
      'boundary_not_exact',
      "the tokens do not spell the segments, so they cannot be assigned to them: the tokenizer's normalizer changes the text, or its vocabulary lacks a character; send token ids as x and y",
      { param: 'segments' }
    )

  const last = segments.findLast((segment) => segment.text !== '')
  return encodeRegions(
    {
      text,
      ids,
      starts,
      regions: regionsOf(segments),
      ends: [],
      canAppendEnd: last?.train === true,
      controlTokenCount: ids.filter((id) => specials.has(id)).length,
      controlTokensWanted: options.parseSpecialTokens,
      findings: [],
      param: 'segments'
    },
    options,
    context
  )
}

function regionsOf(segments: Extract<LossInput, { form: 'segments' }>['segments']): Region[] {
  let end = 0
  return segments.map(({ text, train }) => {
    const start = end
    end += Buffer.byteLength(text)
    return { start, end, reason: train ? 'completion' : 'prompt' }
  })
}
