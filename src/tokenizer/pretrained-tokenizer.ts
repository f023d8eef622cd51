/**
 * The tokenizer of a model folder: the tokenizers library, with the special tokens that
 * tokenizer_config.json names. Follows `PreTrainedTokenizer` of transformers.js 4.3, without the packages for images
 * and browsers and the second copy of ONNX Runtime that it loads. test/tokenizer/pretrained-tokenizer.test.ts compares
 * the two.
 */

import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { ServiceError } from '../errors.ts'
import { type AddedIds, addedIdsOf, decodeBytesAsLibrary, useUnicodeWhiteSpace } from './library-internals.ts'
import { type BytePairModel, mergeLongWords } from './long-words.ts'
import { TextEncoder } from './text-encoder.ts'
import type { TokenizerJson } from './token-bytes.ts'

type TokenizerConfig = Readonly<Record<string, unknown>>

export class PretrainedTokenizer {
  /** Its private fields are read and replaced in `library-internals.ts`. */
  readonly library: Tokenizer
  readonly config: TokenizerConfig
  readonly encoder: TextEncoder
  /** Ids that the post-processor adds around a text. */
  readonly added: AddedIds
  readonly beginId: number | null
  readonly endId: number | null

  constructor(json: TokenizerJson, config: TokenizerConfig) {
    this.library = new Tokenizer(json, config)
    this.config = config
    useUnicodeWhiteSpace(this.library.pre_tokenizer)
    mergeLongWords(this.library.model as unknown as BytePairModel)
    decodeBytesAsLibrary(this.library.decoder)
    this.added = addedIdsOf(this.library)
    this.encoder = new TextEncoder(this.library, json.added_tokens ?? [])
    this.beginId = this.#idOf('bos_token')
    this.endId = this.#idOf('eos_token')
  }

  /** With `addSpecialTokens`, the ids of the post-processor are added around those of the text. */
  encode(text: string, options: { readonly addSpecialTokens: boolean }): number[] {
    const ids = this.encoder.ids(text)
    return options.addSpecialTokens ? [...this.added.before, ...ids, ...this.added.after] : ids
  }

  /** Spells control tokens out and leaves spaces as they are. */
  decode(ids: readonly number[]): string {
    return this.library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })
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
