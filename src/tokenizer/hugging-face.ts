import type { Text } from '../jinja/text.ts'
import { ChatTemplate, chosenTemplate, readChatTemplates } from './chat-template.ts'
import { assertPlainRoles, isMessageText } from './content-spans.ts'
import { encodeConversation } from './conversation.ts'
import { endTokenOf } from './end-token.ts'
import { describeTokenizer, libraryIds, libraryText, tokenSpellings } from './library-tokenizer.ts'
import { PretrainedTokenizer, readTokenizerFiles } from './pretrained-tokenizer.ts'
import { type EncodedPiece, TextEncoder } from './text-encoder.ts'
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
 * Loads tokenizer.json, tokenizer_config.json and the chat template from a folder. `chatTemplate` names a template of
 * the model or a file in its place; empty uses the default one. Throws `model_invalid` if a file cannot be read, and
 * `configuration_invalid` for a chosen template.
 */
export async function loadHuggingFaceTokenizer(folder: string, chatTemplate = ''): Promise<HuggingFaceTokenizer> {
  const { json, config } = await readTokenizerFiles(folder)
  const full = new PretrainedTokenizer(json, config)
  const templates = readChatTemplates(folder, config)
  const template = chatTemplate === '' ? new ChatTemplate(templates, config) : chosenTemplate(chatTemplate, templates, config)
  let plain: PretrainedTokenizer | undefined
  let chatEncoder: TextEncoder | undefined
  // Created on first use, because it takes as much memory as the full tokenizer.
  const plainTokenizer = (): PretrainedTokenizer => {
    plain ??= withoutSpecialTokens(full, json)
    return plain
  }
  const specials = (json.added_tokens ?? []).filter(({ special }) => special)
  const controls = specials.map(({ content }) => content)
  const tokenBytes = tokenBytesOf(json)
  const end = endTokenOf(folder, full.endId, (id) => full.library.id_to_token(id))

  const encode = (text: string, parseSpecialTokens: boolean): number[] =>
    text === '' ? [] : (parseSpecialTokens ? full : plainTokenizer()).encode(text, { addSpecialTokens: false })

  const render = (messages: readonly ChatMessage[], addGenerationPrompt: boolean): Text => {
    assertPlainRoles(messages, controls)
    return template.render(messages, addGenerationPrompt)
  }
  // All added tokens are looked for, and the stretches between them are encoded without spellings of control tokens.
  const pieces = (rendered: Text): EncodedPiece[] => {
    chatEncoder ??= new TextEncoder(plainTokenizer().library, json.added_tokens ?? [])
    return chatEncoder.pieces(rendered.value, isMessageText(rendered))
  }

  return {
    tokenBytes,
    info: {
      vocabSize: tokenBytes.length,
      baseVocabSize: baseVocabSizeOf(json),
      beginId: full.beginId,
      endId: end.id,
      endIdNote: end.note,
      specials: new Map(specials.map(({ id, content }) => [id, content])),
      added: full.added,
      maxTokenBytes: tokenBytes.reduce((longest, { length }) => Math.max(longest, length), 1),
      hasNormalizer: (json.normalizer ?? null) !== null || (json.added_tokens ?? []).some(({ lstrip, rstrip }) => lstrip === true || rstrip === true),
      dropsLeadingSpace: dropsLeadingSpace(json),
      chatTemplateFault: template.fault
    },
    encode,
    normalize(text, parseSpecialTokens) {
      return asTokensSpell(json, (parseSpecialTokens ? full : plainTokenizer()).encoder.normalize(text))
    },
    encodeChat(messages) {
      const rendered = render(messages, true)
      const found = pieces(rendered)
      const end = found.findLastIndex(({ token }) => token?.special === true) + 1
      return { headIds: found.slice(0, end).flatMap(({ ids }) => [...ids]), tail: rendered.value.slice(found[end - 1]?.end ?? 0) }
    },
    encodeConversation: (messages, generatedRoles) =>
      encodeConversation(messages, generatedRoles, {
        render,
        pieces,
        bytesOf: (id) => tokenBytes[id] ?? new Uint8Array(0)
      }),
    description: describeTokenizer(full, json, tokenBytes.length, template.source),
    tokenize(input) {
      if ('text' in input) return libraryIds(full, input.text, input.addSpecialTokens)
      return pieces(render(input.messages, input.addGenerationPrompt)).flatMap(({ ids }) => [...ids])
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
  return new PretrainedTokenizer({ ...withoutControlSpellings(json), added_tokens: added }, full.config)
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
