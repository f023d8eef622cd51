import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import { encodeMessages } from '../../src/loss/encode-messages.ts'
import { encodeSegments } from '../../src/loss/encode-segments.ts'
import type { EncodedExample } from '../../src/loss/encoded-example.ts'
import { type LossBody, lossRequestOf } from '../../src/loss/request.ts'
import { contextOf } from './logprob-items.ts'

/** Encodes an example of segments or messages with the fake tokenizer. */
export async function encodeExample(body: LossBody, context: Partial<EncodingContext> = {}): Promise<EncodedExample> {
  const { input, options } = lossRequestOf(body)
  if (input.form === 'segments') return encodeSegments(input, options, contextOf(context))
  if (input.form === 'messages') return encodeMessages(input, options, contextOf(context))
  throw new Error('x and y are encoded as items of /v1/logprob')
}
