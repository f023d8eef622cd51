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
import type { AddedToken } from './added-tokens.ts'
import { BytePairEncoder, isPlainBytePair } from './byte-pair-encoder.ts'
import { type AddedIds, addedIdsOf, decodeBytesAsLibrary, type ModelParts, releaseSource, spellBytesFast, useUnicodeWhiteSpace } from './library-internals.ts'
import { TextEncoder } from './text-encoder.ts'
import { isUnigramVocab, type TokenizerJson } from './token-bytes.ts'

type TokenizerConfig = Readonly<Record<string, unknown>>

export class PretrainedTokenizer {
  /** Its private fields are read and replaced in `library-internals.ts`. */
  readonly library: Tokenizer
  readonly config: TokenizerConfig
  /** Finds all added tokens. */
  readonly encoder: TextEncoder
  /** For ordinary text, in which the spelling of a control token is text. */
  readonly plainEncoder: TextEncoder
  /** Ids that the post-processor adds around a text. */
  readonly added: AddedIds
  readonly beginId: number | null
  readonly endId: number | null
  readonly #idOfControl: ReadonlyMap<string, number>

  /** Keeps neither argument, which are several times as large as the tokenizer. */
  constructor(json: TokenizerJson, config: TokenizerConfig) {
    const added = json.added_tokens ?? []
    const { model } = json
    const isPlain = isPlainBytePair(model)
    // One vocabulary serves all texts: control tokens are found by AddedTokens alone, never by the model.
    const source = withoutControlSpellings(json)
    this.library = new Tokenizer(isPlain ? { ...source, model: { ...source.model, merges: [] } } : source, config)
    this.config = config
    this.added = addedIdsOf(this.library)
    this.#idOfControl = new Map(controlTokens(json).map(({ content, id }) => [content, id]))
    this.beginId = this.#idOfNamed('bos_token')
    this.endId = this.#idOfNamed('eos_token')
    useUnicodeWhiteSpace(this.library.pre_tokenizer)
    spellBytesFast(this.library.pre_tokenizer)
    decodeBytesAsLibrary(this.library.decoder)
    const parts = this.library.model as unknown as ModelParts
    for (const { content } of controlTokens(json)) parts.tokens_to_ids.delete(content)
    const bytePairs = isPlain ? new BytePairEncoder(parts.tokens_to_ids, model) : null
    const idsOf = (words: string[]): number[] =>
      bytePairs?.ids(words) ?? parts(words).map((spelling) => parts.tokens_to_ids.get(spelling) ?? parts.unk_token_id!)
    this.encoder = new TextEncoder(this.library, added, idsOf)
    this.plainEncoder = new TextEncoder(
      this.library,
      added.filter(({ special }) => special !== true),
      idsOf
    )
    releaseSource(this.library)
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

  /** The id of a token or control token by its spelling. */
  idOf(spelling: string): number | undefined {
    return this.#idOfControl.get(spelling) ?? this.library.token_to_id(spelling)
  }

  #idOfNamed(name: string): number | null {
    const spelling = spellingOf(this.config[name])
    return spelling === null ? null : (this.idOf(spelling) ?? null)
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

/** The unknown token stays a token of the model. */
function controlTokens({ added_tokens = [], model: { unk_token } }: TokenizerJson): AddedToken[] {
  return added_tokens.filter(({ special, content }) => special === true && content !== unk_token)
}

/**
 * Removes control tokens from the vocabulary, where Unigram and BPE with ignore_merges would find their spelling. In
 * the list of a Unigram model the position is the id, so the token stays and gets a spelling with a lone surrogate,
 * which no well-formed text contains.
 */
function withoutControlSpellings(json: TokenizerJson): TokenizerJson {
  const { vocab } = json.model
  const contents = new Set(controlTokens(json).map(({ content }) => content))
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

/** A token is given by its spelling, or as an object with its `content`. Null if there is none. */
export function spellingOf(token: unknown): string | null {
  if (typeof token === 'string') return token
  if (typeof token !== 'object' || token === null || !('content' in token)) return null
  return typeof token.content === 'string' ? token.content : null
}
