import { ServiceError } from '../errors.ts'
import { type ChatSegment, chatSegments } from './chat-segments.ts'
import { encodeConversation } from './conversation.ts'
import { addedTokensOf, decodeBytesAsLibrary, normalizedText, useUnicodeWhiteSpace } from './library-internals.ts'
import { describeTokenizer, libraryIds, libraryText, tokenSpellings } from './library-tokenizer.ts'
import { type BytePairModel, mergeLongWords } from './long-words.ts'
import { PretrainedTokenizer, readTokenizerFiles } from './pretrained-tokenizer.ts'
import { asTokensSpell, baseVocabSizeOf, dropsLeadingSpace, isUnigramVocab, type TokenizerJson, tokenBytesOf } from './token-bytes.ts'
import type { ChatMessage, EncodedConversation, TokenizeInput, TokenizerDescription, TokenizerInfo } from './tokenizer.ts'

/**
 * The tokenizer of a model folder, for use in the tokenizer thread. The methods of `Tokenizer` and
 * `TextTokenizer`, synchronous.
 */
export interface HuggingFaceTokenizer {
  readonly info: TokenizerInfo
  readonly tokenBytes: readonly Uint8Array[]
  encode(text: string, parseSpecialTokens: boolean): number[]
  normalize(text: string, parseSpecialTokens: boolean): string
  encodeChat(messages: readonly ChatMessage[]): { headIds: number[]; tail: string }
  encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): EncodedConversation
  readonly description: TokenizerDescription
  tokenize(input: TokenizeInput): number[]
  spellingsOf(ids: readonly number[]): string[]
  detokenize(ids: readonly number[]): string
}

/**
 * Loads tokenizer.json and tokenizer_config.json from a folder. Throws `model_invalid` if one of them cannot be read.
 */
export async function loadHuggingFaceTokenizer(folder: string): Promise<HuggingFaceTokenizer> {
  const { json, config } = await readTokenizerFiles(folder)
  const full = new PretrainedTokenizer(json, config)
  useUnicodeWhiteSpace(full.library.pre_tokenizer)
  mergeLongWords(full.library.model as BytePairModel)
  decodeBytesAsLibrary(full.library.decoder)
  let plain: PretrainedTokenizer | undefined
  // Created on first use, because it takes as much memory as the full tokenizer.
  const plainTokenizer = (): PretrainedTokenizer => {
    plain ??= withoutSpecialTokens(full, json)
    return plain
  }
  const specials = (json.added_tokens ?? []).filter(({ special }) => special)
  const controls = specials.map(({ content }) => content)
  const tokenBytes = tokenBytesOf(json)

  const encode = (text: string, parseSpecialTokens: boolean): number[] =>
    text === '' ? [] : (parseSpecialTokens ? full : plainTokenizer()).encode(text, { addSpecialTokens: false })

  const segmentsOf = (messages: readonly ChatMessage[], addGenerationPrompt: boolean): ChatSegment[] =>
    chatSegments(messages, controls, (conversation) => render(full, conversation, addGenerationPrompt))
  const idsOf = (segments: readonly ChatSegment[]): number[] => segments.flatMap(({ text, isControl }) => encode(text, isControl))

  return {
    tokenBytes,
    info: {
      vocabSize: tokenBytes.length,
      baseVocabSize: baseVocabSizeOf(json),
      beginId: full.beginId,
      endId: full.endId,
      specials: new Map(specials.map(({ id, content }) => [id, content])),
      added: addedTokensOf(full),
      maxTokenBytes: tokenBytes.reduce((longest, { length }) => Math.max(longest, length), 1),
      hasNormalizer: json.normalizer !== undefined && json.normalizer !== null,
      dropsLeadingSpace: dropsLeadingSpace(json),
      hasChatTemplate: full.chatTemplate !== null
    },
    encode,
    normalize(text, parseSpecialTokens) {
      const { normalizer } = full.library
      if (normalizer === null) return text
      const added = (json.added_tokens ?? []).filter(({ special }) => parseSpecialTokens || special !== true)
      return asTokensSpell(
        json,
        normalizedText(text, added, (stretch) => normalizer.normalize(stretch))
      )
    },
    encodeChat(messages) {
      const segments = segmentsOf(messages, true)
      const last = segments.at(-1)
      if (last === undefined || last.isControl) return { headIds: idsOf(segments), tail: '' }
      return { headIds: idsOf(segments.slice(0, -1)), tail: last.text }
    },
    encodeConversation: (messages, generatedRoles) =>
      encodeConversation(messages, generatedRoles, {
        controls,
        render: (conversation, addGenerationPrompt) => render(full, conversation, addGenerationPrompt),
        encode,
        bytesOf: (id) => tokenBytes[id] ?? new Uint8Array(0)
      }),
    description: describeTokenizer(full, json, tokenBytes.length),
    tokenize(input) {
      if ('text' in input) return libraryIds(full, input.text, input.addSpecialTokens)
      return idsOf(segmentsOf(input.messages, input.addGenerationPrompt))
    },
    spellingsOf: (ids) => tokenSpellings(full, ids),
    detokenize: (ids) => libraryText(full, ids)
  }
}

/**
 * The same tokenizer without its control tokens, for ordinary text. The library always splits text at added tokens,
 * so text that spells a control token would become its id. Added tokens that are plain text (runs of spaces) stay.
 */
function withoutSpecialTokens(full: PretrainedTokenizer, json: TokenizerJson): PretrainedTokenizer {
  const added = (json.added_tokens ?? []).filter(({ special }) => !special)
  const plain = new PretrainedTokenizer({ ...withoutControlSpellings(json), added_tokens: added }, full.config)
  useUnicodeWhiteSpace(plain.library.pre_tokenizer)
  mergeLongWords(plain.library.model as BytePairModel)
  return plain
}

/**
 * Removes control tokens from the vocabulary, where Unigram and BPE with ignore_merges would still find their spelling.
 * In the list of a Unigram model the position is the id, so the token stays and gets a spelling with a lone surrogate,
 * which no well-formed text contains.
 */
function withoutControlSpellings(json: TokenizerJson): TokenizerJson {
  const { vocab, unk_token } = json.model
  const contents = new Set((json.added_tokens ?? []).filter(({ special, content }) => special && content !== unk_token).map(({ content }) => content))
  const unspellable = (id: number): string => `\ud800${id}`
  return {
    ...json,
    model: {
      ...json.model,
      vocab: isUnigramVocab(vocab)
        ? vocab.map(([spelling, score], id) => [contents.has(spelling) ? unspellable(id) : spelling, score] as const)
        : Object.fromEntries(Object.entries(vocab).filter(([spelling]) => !contents.has(spelling)))
    }
  }
}

function render(tokenizer: PretrainedTokenizer, messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
  try {
    return tokenizer.renderChat(messages, { addGenerationPrompt })
  } catch (error) {
    // The error of the template may quote the conversation, so its text must not reach the response.
    throw new ServiceError('chat_template_failed', "the model's chat template rejected these messages; check the roles and their order", { cause: error })
  }
}
