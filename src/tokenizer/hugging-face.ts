import type { Text } from '../jinja/text.ts'
import { ChatTemplate, chosenTemplate, readChatTemplates } from './chat-template.ts'
import { assertPlainRoles, isMessageText } from './content-spans.ts'
import { encodeConversation } from './conversation.ts'
import { endTokenOf, modelTypeOf } from './end-token.ts'
import { describeTokenizer, libraryIds, libraryText, tokenSpellings } from './library-tokenizer.ts'
import { PretrainedTokenizer, readTokenizerFiles } from './pretrained-tokenizer.ts'
import type { EncodedPiece, TextEncoder } from './text-encoder.ts'
import { asTokensSpell, baseVocabSizeOf, bytesOfToken, dropsLeadingSpace, prefixesFirstTextOnly, type TokenBytes, tokenBytesOf } from './token-bytes.ts'
import type { ChatMessage, EncodedConversation, TokenizeInput, TokenizerDescription, TokenizerInfo } from './tokenizer.ts'
import { transformersNotes } from './transformers-differences.ts'

/**
 * The tokenizer of a model folder, for use in the tokenizer thread. The methods of `Tokenizer` and
 * `TextTokenizer`, synchronous.
 */
export interface HuggingFaceTokenizer {
  readonly info: TokenizerInfo
  readonly tokenBytes: TokenBytes
  encode(text: string, parseSpecialTokens: boolean, continues?: boolean): number[]
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
  const specials = (json.added_tokens ?? []).filter(({ special }) => special)
  const controls = specials.map(({ content }) => content)
  const tokenBytes = tokenBytesOf(json)
  const vocabSize = tokenBytes.starts.length - 1
  const notes = transformersNotes({
    normalizer: json.normalizer,
    preTokenizer: json.pre_tokenizer,
    addedTokens: json.added_tokens ?? [],
    config,
    modelType: modelTypeOf(folder),
    added: full.added,
    idOf: (spelling) => full.idOf(spelling)
  })
  const end = endTokenOf(folder, full.endId, (id) => full.library.id_to_token(id))
  // No function below keeps `json`, most of which is vocabulary.
  const spelledBy = { decoder: json.decoder ?? null }

  const encoderFor = (parseSpecialTokens: boolean): TextEncoder => (parseSpecialTokens ? full.encoder : full.plainEncoder)
  const render = (messages: readonly ChatMessage[], addGenerationPrompt: boolean): Text => {
    assertPlainRoles(messages, controls)
    return template.render(messages, addGenerationPrompt)
  }
  const pieces = (rendered: Text): EncodedPiece[] => full.encoder.pieces(rendered.value, isMessageText(rendered))

  return {
    tokenBytes,
    info: {
      vocabSize,
      baseVocabSize: baseVocabSizeOf(json),
      beginId: full.beginId,
      endId: end.id,
      endIdNote: end.note,
      transformersNotes: notes,
      specials: new Map(specials.map(({ id, content }) => [id, content])),
      added: full.added,
      maxTokenBytes: tokenBytes.starts.reduce((longest, start, id) => Math.max(longest, start - (tokenBytes.starts[id - 1] ?? 0)), 1),
      hasNormalizer: (json.normalizer ?? null) !== null || (json.added_tokens ?? []).some(({ lstrip, rstrip }) => lstrip === true || rstrip === true),
      dropsLeadingSpace: dropsLeadingSpace(json),
      prefixesFirstTextOnly: prefixesFirstTextOnly(json),
      chatTemplateFault: template.fault
    },
    encode: (text, parseSpecialTokens, continues) => (text === '' ? [] : encoderFor(parseSpecialTokens).ids(text, continues)),
    normalize: (text, parseSpecialTokens) => asTokensSpell(spelledBy, encoderFor(parseSpecialTokens).normalize(text)),
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
        bytesOf: (id) => bytesOfToken(tokenBytes, id)
      }),
    description: describeTokenizer(full, json.added_tokens ?? [], { vocabSize, chatTemplate: template.source, transformersNotes: notes }),
    tokenize(input) {
      if ('text' in input) return libraryIds(full, input.text, input.addSpecialTokens)
      return pieces(render(input.messages, input.addGenerationPrompt)).flatMap(({ ids }) => [...ids])
    },
    spellingsOf: (ids) => tokenSpellings(full, ids),
    detokenize: (ids) => libraryText(full, ids)
  }
}
