import type { Tokenizer, TokenizingTerms } from '../tokenizer/tokenizer.ts'

/** The properties of the model that encoding depends on. */
export interface EncodingContext {
  readonly tokenizer: Tokenizer
  readonly vocabSize: number
  /** Longest sequence, including the prefix token. */
  readonly maxModelLen: number
  /** The token that precedes every text under `prefix_token: auto`; null when the model has none. */
  readonly prefixTokenId: number | null
}

/** The context with a tokenizer that works for one request: in turn with other clients, and until it is aborted. */
export function contextFor<C extends EncodingContext>(context: C, { signal, client }: TokenizingTerms): C {
  const { tokenizer } = context
  const terms = { ...(signal === undefined ? {} : { signal }), ...(client === undefined ? {} : { client }) }
  const bound: Tokenizer = {
    info: tokenizer.info,
    bytesOf: (id) => tokenizer.bytesOf(id),
    encode: (texts, options) => tokenizer.encode(texts, { ...options, ...terms }),
    normalize: (texts, options) => tokenizer.normalize(texts, { ...options, ...terms }),
    encodeChat: (conversation, own) => tokenizer.encodeChat(conversation, { ...own, ...terms }),
    encodeConversation: (conversation, generatedRoles, own) => tokenizer.encodeConversation(conversation, generatedRoles, { ...own, ...terms }),
    encodeAnswer: (conversation, own) => tokenizer.encodeAnswer(conversation, { ...own, ...terms }),
    close: () => tokenizer.close()
  }
  return { ...context, tokenizer: bound }
}
