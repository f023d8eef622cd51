/**
 * The tokenizer of a model folder: the tokenizers library, with the special tokens and the chat template that
 * tokenizer_config.json names. Follows `PreTrainedTokenizer` of transformers.js 4.3, without the packages for images
 * and browsers and the second copy of ONNX Runtime that it loads. test/tokenizer/pretrained-tokenizer.test.ts compares
 * the two.
 */

import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { Tokenizer } from '@huggingface/tokenizers'
import { ServiceError } from '../errors.ts'
import type { TokenizerJson } from './token-bytes.ts'
import type { ChatMessage } from './tokenizer.ts'

type TokenizerConfig = Readonly<Record<string, unknown>>

/** Tokens of tokenizer_config.json that a chat template can name. */
const TEMPLATE_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const

export class PretrainedTokenizer {
  /** Its private fields are read and replaced in `library-internals.ts`. */
  readonly library: Tokenizer
  readonly config: TokenizerConfig
  /** The default chat template; null if the model has none. */
  readonly chatTemplate: string | null
  readonly beginId: number | null
  readonly endId: number | null
  #compiled: Template | undefined

  constructor(json: TokenizerJson, config: TokenizerConfig) {
    this.library = new Tokenizer(json, config)
    this.config = config
    this.chatTemplate = defaultTemplate(config.chat_template)
    this.beginId = this.#idOf('bos_token')
    this.endId = this.#idOf('eos_token')
  }

  encode(text: string, options: { readonly addSpecialTokens: boolean }): number[] {
    return this.library.encode(text, { add_special_tokens: options.addSpecialTokens }).ids
  }

  /** Spells control tokens out and leaves spaces as they are. */
  decode(ids: readonly number[]): string {
    return this.library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })
  }

  /** Throws whatever the template throws, which may quote the messages. */
  renderChat(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string {
    if (this.chatTemplate === null) throw new Error('the model has no chat template')
    this.#compiled ??= new Template(this.chatTemplate)
    const tokens = TEMPLATE_TOKENS.flatMap((name) => {
      const spelling = spellingOf(this.config[name])
      return spelling === null || spelling === '' ? [] : [[name, spelling]]
    })
    const variables = { messages: [...messages], add_generation_prompt: options.addGenerationPrompt, tools: null, documents: null }
    return this.#compiled.render({ ...variables, ...Object.fromEntries(tokens) })
  }

  #idOf(name: string): number | null {
    const spelling = spellingOf(this.config[name])
    return spelling === null ? null : (this.library.token_to_id(spelling) ?? null)
  }
}

/**
 * Reads tokenizer.json and tokenizer_config.json. Throws `model_invalid` if one of them is missing or is not JSON.
 */
export async function readTokenizerFiles(folder: string): Promise<{ readonly json: TokenizerJson; readonly config: TokenizerConfig }> {
  return { json: (await readJson(folder, 'tokenizer.json')) as TokenizerJson, config: (await readJson(folder, 'tokenizer_config.json')) as TokenizerConfig }
}

async function readJson(folder: string, name: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, name), 'utf8'))
  } catch (error) {
    throw new ServiceError(
      'model_invalid',
      `${basename(folder)}/${name} cannot be read: ${error instanceof Error ? error.message : String(error)}; download it again`,
      { cause: error }
    )
  }
}

/** A token is given by its spelling, or as an object with its `content`. Null if there is none. */
export function spellingOf(token: unknown): string | null {
  if (typeof token === 'string') return token
  if (typeof token !== 'object' || token === null || !('content' in token)) return null
  return typeof token.content === 'string' ? token.content : null
}

/** A model has one template, or a list of named ones. */
function defaultTemplate(given: unknown): string | null {
  if (typeof given === 'string') return given
  if (!Array.isArray(given)) return null
  const named = given.find((each: unknown) => typeof each === 'object' && each !== null && 'name' in each && each.name === 'default') as
    | { readonly template?: unknown }
    | undefined
  return typeof named?.template === 'string' ? named.template : null
}
