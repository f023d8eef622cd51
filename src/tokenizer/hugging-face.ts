import { ServiceError } from '../errors.ts'
import { ChatTemplate, chosenTemplate, type RenderedChat } from './chat/chat-template.ts'
import { readChatTemplates } from './chat/chat-template-files.ts'
import { assertPlainRoles, isMessageText } from './chat/content-spans.ts'
import { type ChatModel, encodeAnswer, encodeConversation } from './chat/conversation.ts'
import { endTokenOf, modelTypeOf } from './end-token.ts'
import { describeTokenizer, libraryIds, libraryText, tokenSpellings } from './library-tokenizer.ts'
import { PretrainedTokenizer, readTokenizerFiles } from './pretrained-tokenizer.ts'
import type { EncodedPiece, TextEncoder } from './text-encoder.ts'
import { asTokensSpell, baseVocabSizeOf, bytesOfToken, dropsLeadingSpace, prefixesFirstTextOnly, type TokenBytes, tokenBytesOf } from './token-bytes.ts'
import type {
  ChatWarning,
  Conversation,
  EncodedAnswer,
  EncodedChat,
  EncodedConversation,
  TokenizeInput,
  TokenizerDescription,
  TokenizerInfo
} from './tokenizer.ts'
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
  encodeChat(conversation: Conversation, maxTokens?: number): EncodedChat
  encodeConversation(conversation: Conversation, generatedRoles: readonly string[], maxTokens?: number): EncodedConversation
  encodeAnswer(conversation: Conversation, maxTokens?: number): EncodedAnswer
  readonly description: TokenizerDescription
  tokenize(input: TokenizeInput): { readonly ids: readonly number[]; readonly warnings: readonly ChatWarning[] }
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
  const render = (conversation: Conversation): RenderedChat => {
    assertPlainRoles(conversation.messages, controls)
    return template.render(conversation)
  }
  const pieces = ({ text }: Pick<RenderedChat, 'text'>): EncodedPiece[] => full.encoder.pieces(text.value, isMessageText(text))
  const maxTokenBytes = tokenBytes.starts.reduce((longest, start, id) => Math.max(longest, start - (tokenBytes.starts[id - 1] ?? 0)), 1)
  const longestToken = controls.reduce((longest, control) => Math.max(longest, Buffer.byteLength(control)), maxTokenBytes)
  const hasNormalizer = (json.normalizer ?? null) !== null || (json.added_tokens ?? []).some(({ lstrip, rstrip }) => lstrip === true || rstrip === true)
  const chatModel = (maxTokens = Number.POSITIVE_INFINITY): ChatModel => ({
    render,
    pieces(rendered) {
      // Tokenizing a megabyte takes seconds. A normalizer may shorten a text.
      const minTokens = hasNormalizer ? 0 : Math.ceil(Buffer.byteLength(rendered.text.value) / longestToken)
      if (minTokens > maxTokens)
        throw new ServiceError(
          'context_length_exceeded',
          `the rendered conversation has at least ${minTokens} tokens, and ${maxTokens} are possible: shorten messages, tools and documents`
        )
      return pieces(rendered)
    },
    bytesOf: (id) => bytesOfToken(tokenBytes, id),
    maxTokens
  })

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
      maxTokenBytes,
      hasNormalizer,
      dropsLeadingSpace: dropsLeadingSpace(json),
      prefixesFirstTextOnly: prefixesFirstTextOnly(json),
      chatTemplateFault: template.fault
    },
    encode: (text, parseSpecialTokens, continues) => (text === '' ? [] : encoderFor(parseSpecialTokens).ids(text, continues)),
    normalize: (text, parseSpecialTokens) => asTokensSpell(spelledBy, encoderFor(parseSpecialTokens).normalize(text)),
    encodeChat(conversation, maxTokens) {
      const rendered = render(conversation)
      const found = chatModel(maxTokens).pieces(rendered)
      const end = found.findLastIndex(({ token }) => token?.special === true) + 1
      return {
        headIds: Int32Array.from(found.slice(0, end).flatMap(({ ids }) => [...ids])),
        tail: rendered.text.value.slice(found[end - 1]?.end ?? 0),
        warnings: rendered.warnings
      }
    },
    encodeConversation: (conversation, generatedRoles, maxTokens) => encodeConversation(conversation, generatedRoles, chatModel(maxTokens)),
    encodeAnswer: (conversation, maxTokens) => encodeAnswer(conversation, chatModel(maxTokens)),
    description: describeTokenizer(full, json.added_tokens ?? [], { vocabSize, chatTemplate: template.source, transformersNotes: notes }),
    tokenize(input) {
      if ('text' in input) return { ids: libraryIds(full, input.text, input.addSpecialTokens), warnings: [] }
      const rendered = render(input.conversation)
      return { ids: pieces(rendered).flatMap(({ ids }) => [...ids]), warnings: rendered.warnings }
    },
    spellingsOf: (ids) => tokenSpellings(full, ids),
    detokenize: (ids) => libraryText(full, ids)
  }
}
