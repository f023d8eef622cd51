import type { Tracing } from '../observability/spans.ts'
import type { TextTokenizer, Tokenizer } from './tokenizer.ts'

/** The same tokenizer, whose calls are spans of the request that makes them. */
export function tracedTokenizer(tokenizer: Tokenizer, tracing: Tracing): Tokenizer {
  const texts = (count: number) => ({ 'logpr.texts': count })
  return {
    info: tokenizer.info,
    bytesOf: (id) => tokenizer.bytesOf(id),
    encode: (...call) => tracing.measure('tokenize', texts(call[0].length), () => tokenizer.encode(...call)),
    normalize: (...call) => tracing.measure('normalize', texts(call[0].length), () => tokenizer.normalize(...call)),
    encodeChat: (...call) => tracing.measure('tokenize', texts(call[0].messages.length), () => tokenizer.encodeChat(...call)),
    encodeConversation: (...call) => tracing.measure('tokenize', texts(call[0].messages.length), () => tokenizer.encodeConversation(...call)),
    encodeAnswer: (...call) => tracing.measure('tokenize', texts(call[0].messages.length), () => tokenizer.encodeAnswer(...call)),
    close: () => tokenizer.close()
  }
}

/** The same for the tokenizer of POST /tokenize and /detokenize. */
export function tracedTextTokenizer(tokenizer: TextTokenizer, tracing: Tracing): TextTokenizer {
  return {
    description: tokenizer.description,
    tokenize: (...call) => tracing.measure('tokenize', {}, () => tokenizer.tokenize(...call)),
    detokenize: (...call) => tracing.measure('detokenize', { 'logpr.tokens': call[0].length }, () => tokenizer.detokenize(...call)),
    close: () => tokenizer.close()
  }
}
