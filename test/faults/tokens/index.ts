import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts'
import type { Fault } from '../fault.ts'

type Encode = (texts: readonly string[], encode: Tokenizer['encode'], options: Parameters<Tokenizer['encode']>[1]) => Promise<Int32Array[]>

/** A tokenizer with some of its methods replaced. */
function changed(tokenizer: Tokenizer, changes: Partial<Tokenizer>): Tokenizer {
  return new Proxy(tokenizer, {
    get(target, name: keyof Tokenizer) {
      const value = changes[name] ?? target[name]
      return typeof value === 'function' ? value.bind(changes[name] === undefined ? target : changes) : value
    }
  })
}

/** A tokenizer with another `encode`, and optionally other info. */
function encodingBy(encode: Encode, facts: Partial<Tokenizer['info']> = {}): Pick<Fault, 'tokenizer'> {
  return {
    tokenizer: (tokenizer) =>
      changed(tokenizer, {
        info: { ...tokenizer.info, ...facts },
        encode: (texts, options) => encode(texts, (plain, how) => tokenizer.encode(plain, how), options)
      })
  }
}

/** Changes the ids of every text. */
function changingIds(change: (ids: number[], text: string) => number[]): Pick<Fault, 'tokenizer'> {
  return encodingBy(async (texts, encode, options) => {
    const encoded = await encode(texts, options)
    return encoded.map((ids, i) => Int32Array.from(change([...ids], texts[i]!)))
  })
}

/** Tokens that end in a comma. They replace the rarest tokens of the vocabulary. */
class CommaMerges {
  readonly #tokenizer: Tokenizer
  readonly #idByWord = new Map<number, number>()

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
  }

  bytesOf(id: number): Uint8Array {
    const word = [...this.#idByWord].find(([, merged]) => merged === id)?.[0]
    return word === undefined ? this.#tokenizer.bytesOf(id) : Buffer.concat([this.#tokenizer.bytesOf(word), Buffer.from(',')])
  }

  merged(ids: Int32Array): Int32Array {
    const out: number[] = []
    for (const id of ids) {
      const word = out.at(-1)
      if (word !== undefined && Buffer.from(this.#tokenizer.bytesOf(id)).toString() === ',') out[out.length - 1] = this.#idOf(word)
      else out.push(id)
    }
    return Int32Array.from(out)
  }

  #idOf(word: number): number {
    const known = this.#idByWord.get(word)
    if (known !== undefined) return known
    const id = VOCABULARY - 1 - this.#idByWord.size
    this.#idByWord.set(word, id)
    return id
  }
}

const BEGIN_ID = 0
const VOCABULARY = 4096
const BYTE_TOKENS = 300

/** Faults between a text and its token ids. */
export const TOKEN_FAULTS: readonly Fault[] = [
  {
    name: 'extra token merge',
    kind: 'tokens',
    description: 'the tokenizer merges the end of a word and the comma after it into a token that the model never saw',
    tokenizer(tokenizer) {
      const merges = new CommaMerges(tokenizer)
      return changed(tokenizer, {
        bytesOf: (id) => merges.bytesOf(id),
        encode: async (texts, options) => (await tokenizer.encode(texts, options)).map((ids) => merges.merged(ids))
      })
    }
  },
  {
    name: 'double BOS',
    kind: 'tokens',
    description: 'both the tokenizer and the service put the prefix token in front of every text',
    ...changingIds((ids) => [BEGIN_ID, ...ids])
  },
  {
    name: 'missing BOS',
    kind: 'tokens',
    description: 'the service adds no prefix token although the model was trained with one',
    context: (context) => ({ ...context, prefixTokenId: null })
  },
  {
    name: 'tokenizer of another model',
    kind: 'tokens',
    description: 'the same tokens have different ids',
    ...changingIds((ids) => ids.map((id) => (id < BYTE_TOKENS ? id : BYTE_TOKENS + ((id - BYTE_TOKENS + 1500) % (VOCABULARY - BYTE_TOKENS)))))
  },
  {
    name: 'truncation off by one',
    kind: 'tokens',
    description: 'the last token of every text is dropped',
    ...changingIds((ids) => (ids.length > 1 ? ids.slice(0, -1) : ids))
  },
  {
    name: 'context token scored as y',
    kind: 'tokens',
    description: 'x is one token too short, so its last token is scored as part of y',
    ...encodingBy(async (texts, encode, options) => {
      const encoded = await encode(texts, options)
      // A text that is a prefix of another text of the same call is its x.
      return encoded.map((ids, i) => (ids.length > 1 && texts.some((other) => other !== texts[i] && other.startsWith(texts[i]!)) ? ids.slice(0, -1) : ids))
    })
  },
  {
    name: 'lower-cased text',
    kind: 'tokens',
    description: 'the tokenizer normalizes text to lower case',
    tokenizer: (tokenizer) =>
      changed(tokenizer, {
        info: { ...tokenizer.info, hasNormalizer: true },
        normalize: async (texts) => texts.map((text) => text.toLowerCase()),
        encode: (texts, options) =>
          tokenizer.encode(
            texts.map((text) => text.toLowerCase()),
            options
          )
      })
  },
  {
    name: 'dropped character',
    kind: 'tokens',
    description: 'the tokenizer has no token for a comma and drops it',
    ...encodingBy((texts, encode, options) =>
      encode(
        texts.map((text) => text.replaceAll(',', '')),
        options
      )
    )
  },
  {
    name: 'vocabulary smaller than the tokenizer',
    kind: 'tokens',
    description: 'config.json states a vocabulary of 1,000 tokens; the tokenizer has more',
    context: (context) => ({ ...context, vocabSize: 1000 })
  },
  {
    name: 'tokenizer smaller than the model',
    kind: 'tokens',
    description: 'the tokenizer knows 300 of the 4,096 tokens',
    ...encodingBy((texts, encode, options) => encode(texts, options), { vocabSize: BYTE_TOKENS })
  },
  {
    name: 'control tokens parsed',
    kind: 'tokens',
    description: 'text that spells a control token is parsed as one',
    ...encodingBy((texts, encode) => encode(texts, { parseSpecialTokens: true }))
  }
]
