import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AutoTokenizer, env, type PreTrainedTokenizer } from '@huggingface/transformers'
import { ServiceError } from '../errors.ts'
import { chatSegments } from './chat-segments.ts'
import { encodeConversation } from './conversation.ts'
import { addedTokensOf, decodeBytesAsLibrary, normalizedText, useUnicodeWhiteSpace } from './library-internals.ts'
import { describeTokenizer, libraryIds, libraryText, piecesOfIds } from './library-tokenizer.ts'
import { asPiecesSpell, dropsLeadingSpace, isPieceList, type TokenizerJson, tokenBytesOf } from './token-bytes.ts'
import type { ChatMessage, EncodedConversation, TokenizeInput, TokenizerDescription, TokenizerInfo } from './tokenizer.ts'

// A model folder is complete or it is an error: nothing is fetched while serving.
env.allowRemoteModels = false

/** A Hugging Face tokenizer folder, read with transformers.js. */
export interface HuggingFaceTokenizer {
  readonly facts: TokenizerInfo
  readonly tokenBytes: readonly Uint8Array[]
  encode(text: string, parseSpecialTokens: boolean): number[]
  normalize(text: string, parseSpecialTokens: boolean): string
  encodeChat(messages: readonly ChatMessage[]): { headIds: number[]; tail: string }
  encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): EncodedConversation
  readonly description: TokenizerDescription
  tokenize(input: TokenizeInput): number[]
  piecesOf(ids: readonly number[]): string[]
  detokenize(ids: readonly number[]): string
}

/** Loads tokenizer.json and tokenizer_config.json of a folder. Throws `model_invalid` when they are missing or broken. */
export async function loadHuggingFaceTokenizer(folder: string): Promise<HuggingFaceTokenizer> {
  const json = await readTokenizerJson(folder)
  const full = await AutoTokenizer.from_pretrained(folder, { local_files_only: true })
  useUnicodeWhiteSpace(full._tokenizer.pre_tokenizer)
  decodeBytesAsLibrary(full._tokenizer.decoder)
  let plain: PreTrainedTokenizer | undefined
  // Only when it is needed: it takes as much memory as the other.
  const plainTokenizer = (): PreTrainedTokenizer => {
    plain ??= withoutSpecialTokens(full, json)
    return plain
  }
  const specials = (json.added_tokens ?? []).filter(({ special }) => special)
  const controls = specials.map(({ content }) => content)
  const tokenBytes = tokenBytesOf(json)

  const encode = (text: string, parseSpecialTokens: boolean): number[] =>
    text === '' ? [] : (parseSpecialTokens ? full : plainTokenizer()).encode(text, { add_special_tokens: false })

  return {
    tokenBytes,
    facts: {
      vocabSize: tokenBytes.length,
      beginId: idOrNull(full.bos_token_id),
      endId: idOrNull(full.eos_token_id),
      specials: new Map(specials.map(({ id, content }) => [id, content])),
      added: addedTokensOf(full),
      maxTokenBytes: tokenBytes.reduce((longest, { length }) => Math.max(longest, length), 1),
      hasNormalizer: json.normalizer !== undefined && json.normalizer !== null,
      dropsLeadingSpace: dropsLeadingSpace(json),
      hasChatTemplate: full.chat_template !== null && full.chat_template !== undefined
    },
    encode,
    normalize(text, parseSpecialTokens) {
      const { normalizer } = full._tokenizer
      if (normalizer === null) return text
      const added = (json.added_tokens ?? []).filter(({ special }) => parseSpecialTokens || special !== true)
      return asPiecesSpell(
        json,
        normalizedText(text, added, (stretch) => normalizer.normalize(stretch))
      )
    },
    encodeChat(messages) {
      const pieces = chatSegments(messages, controls, (conversation) => render(full, conversation, true))
      const last = pieces.at(-1)
      const tail = last === undefined || last.isControl ? '' : last.text
      const head = tail === '' ? pieces : pieces.slice(0, -1)
      return { headIds: head.flatMap(({ text, isControl }) => encode(text, isControl)), tail }
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
      const pieces = chatSegments(input.messages, controls, (conversation) => render(full, conversation, input.addGenerationPrompt))
      return pieces.flatMap(({ text, isControl }) => encode(text, isControl))
    },
    piecesOf: (ids) => piecesOfIds(full, ids),
    detokenize: (ids) => libraryText(full, ids)
  }
}

async function readTokenizerJson(folder: string): Promise<TokenizerJson> {
  try {
    return JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')) as TokenizerJson
  } catch (error) {
    throw new ServiceError(
      'model_invalid',
      `${basename(folder)}/tokenizer.json cannot be read: ${error instanceof Error ? error.message : String(error)}; download it again`,
      {
        cause: error
      }
    )
  }
}

/**
 * The same tokenizer without its control tokens. transformers.js cuts text at every added token and has no switch for
 * it, so text that spells one would become a control id. Added tokens that are plain text (runs of spaces) stay.
 */
function withoutSpecialTokens(full: PreTrainedTokenizer, json: TokenizerJson): PreTrainedTokenizer {
  const Tokenizer = full.constructor as new (json: object, config: object) => PreTrainedTokenizer
  const plain = new Tokenizer({ ...withoutSpecialPieces(json), added_tokens: (json.added_tokens ?? []).filter(({ special }) => !special) }, full.config)
  useUnicodeWhiteSpace(plain._tokenizer.pre_tokenizer)
  return plain
}

/**
 * The vocabulary may hold the control tokens too, and then a text that spells one could be cut into just that piece
 * (Unigram looks for every piece; so does BPE with ignore_merges). Positions in the list of a Unigram model are ids:
 * there the piece gets a spelling that no well-formed text has.
 */
function withoutSpecialPieces(json: TokenizerJson): TokenizerJson {
  const { vocab, unk_token } = json.model
  const contents = new Set((json.added_tokens ?? []).filter(({ special, content }) => special && content !== unk_token).map(({ content }) => content))
  const unspellable = (id: number): string => `\ud800${id}`
  return {
    ...json,
    model: {
      ...json.model,
      vocab: isPieceList(vocab)
        ? vocab.map(([piece, score], id) => [contents.has(piece) ? unspellable(id) : piece, score] as const)
        : Object.fromEntries(Object.entries(vocab).filter(([piece]) => !contents.has(piece)))
    }
  }
}

function render(tokenizer: PreTrainedTokenizer, messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
  try {
    return tokenizer.apply_chat_template([...messages], { tokenize: false, add_generation_prompt: addGenerationPrompt }) as string
  } catch (error) {
    // The template's own message could quote the conversation, so it is not passed on.
    throw new ServiceError('chat_template_failed', "the model's chat template did not accept these messages; check the roles and their order", { cause: error })
  }
}

function idOrNull(id: unknown): number | null {
  return typeof id === 'number' ? id : null
}
