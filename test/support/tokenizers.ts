import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

/** The two files of a tokenizer folder, handwritten with the traits of a model family. */
export interface TokenizerFiles {
  readonly tokenizer: Readonly<Record<string, unknown>>
  readonly config: Readonly<Record<string, unknown>>
}

interface AddedToken {
  readonly content: string
  readonly special?: boolean
  readonly lstrip?: boolean
  readonly rstrip?: boolean
  readonly single_word?: boolean
  readonly normalized?: boolean
}

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const embedded = JSON.parse(readFileSync(join(EMBEDDED, 'tokenizer.json'), 'utf8')) as {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly unknown[] }
  readonly added_tokens: readonly object[]
}
const SPLIT_LLAMA_3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/** The embedded tokenizer with some parts replaced. The `extra` tokens come after its own. */
export function byteLevel(
  parts: Readonly<Record<string, unknown>> = {},
  extra: readonly AddedToken[] = [],
  chatTemplate: string | null = null
): TokenizerFiles {
  const model = parts.model ?? embedded.model
  const first = Object.keys((model as typeof embedded.model).vocab).length
  return {
    tokenizer: { ...embedded, ...parts, model, added_tokens: [...embedded.added_tokens, ...extra.map((token, i) => addedToken(first + i, token))] },
    config: configOf('<|endoftext|>', '<|endoftext|>', chatTemplate)
  }
}

/**
 * Byte-level BPE with tokens that start with a space or a next-line character and continue with bytes of other rare
 * characters.
 */
export function byteLevelWithOddMerges(parts: Readonly<Record<string, unknown>> = {}): TokenizerFiles {
  const odd: readonly (readonly [string, string])[] = [
    ['Ġ', 'ï'],
    ['Â', 'ħ'],
    ['Ġ', 'Âħ']
  ]
  const vocab = { ...embedded.model.vocab }
  for (const [left, right] of odd) vocab[left + right] ??= Object.keys(vocab).length
  return byteLevel({ ...parts, model: { ...embedded.model, vocab, merges: [...embedded.model.merges, ...odd] } })
}

/** The same with the pre-tokenizer pattern of Llama 3 and similar models. */
export function byteLevelSplitLikeLlama3(): TokenizerFiles {
  return byteLevelWithOddMerges({
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: SPLIT_LLAMA_3 }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
      ]
    }
  })
}

export const LOWER_CASE = { type: 'Sequence', normalizers: [{ type: 'NFKC' }, { type: 'Lowercase' }] }
export const BERT = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: false, strip_accents: true, lowercase: true }

const EMPTY = { version: '1.0', truncation: null, padding: null, normalizer: null, post_processor: null }

const CONTROLS = ['<unk>', '<s>', '</s>']
const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
const CHARACTERS = [...'▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:!?\'"<>/|[]()-_éü中文']
const MERGES: readonly (readonly [string, string])[] = [
  ['▁', 'h'],
  ['e', 'l'],
  ['l', 'o'],
  ['el', 'lo'],
  ['▁h', 'ello'],
  ['h', 'ello'],
  ['▁', 'w'],
  ['o', 'r'],
  ['▁w', 'or'],
  ['l', 'd'],
  ['▁wor', 'ld'],
  ['▁', '▁'],
  ['▁', 't'],
  ['▁t', 'h'],
  ['▁th', 'e'],
  ['中', '文']
]

/** How a SentencePiece model handles the start of a text. */
export type DummyPrefix = 'normalizer' | 'metaspace' | 'none'

/** BPE with byte fallback, as in Llama 2 (`normalizer`), Mistral 0.3 (`metaspace`) and Gemma (`none`). */
export function sentencePiece(dummyPrefix: DummyPrefix, extra: readonly AddedToken[] = [], chatTemplate: string | null = null): TokenizerFiles {
  const pieces = [...CONTROLS, ...BYTES, ...CHARACTERS, ...MERGES.map(([left, right]) => left + right)]
  const vocab = Object.fromEntries([...new Set(pieces)].map((piece, id) => [piece, id]))
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  const decoders = [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }]
  return {
    tokenizer: {
      ...EMPTY,
      added_tokens: [
        ...CONTROLS.map((content, id) => addedToken(id, { content })),
        ...extra.map((token, i) => addedToken(Object.keys(vocab).length + i, token))
      ],
      normalizer:
        dummyPrefix === 'normalizer'
          ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] }
          : dummyPrefix === 'none'
            ? replace
            : null,
      pre_tokenizer: dummyPrefix === 'metaspace' ? { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false } : null,
      decoder: { type: 'Sequence', decoders: dummyPrefix === 'none' ? decoders : [...decoders, { type: 'Strip', content: ' ', start: 1, stop: 0 }] },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: '<unk>',
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: true,
        ignore_merges: false,
        vocab,
        merges: MERGES
      }
    },
    config: configOf('<s>', '</s>', chatTemplate)
  }
}

/** A Unigram model without byte fallback, as in T5: a run of characters outside the vocabulary is one unknown token. */
export function unigram(): TokenizerFiles {
  // No token of such a model continues across a space.
  const scored = [...MERGES.map(([left, right]) => left + right).filter((piece) => !piece.includes('▁', 1)), ...CHARACTERS]
  const vocab = [...CONTROLS.map((piece) => [piece, 0]), ...[...new Set(scored)].map((piece) => [piece, Array.from(piece).length === 1 ? -9 : -6])]
  return {
    tokenizer: {
      ...EMPTY,
      added_tokens: CONTROLS.map((content, id) => addedToken(id, { content })),
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      model: { type: 'Unigram', unk_id: 0, vocab, byte_fallback: false }
    },
    config: configOf('<s>', '</s>', null)
  }
}

/** A post-processor that adds control tokens around every text. */
function around(before: readonly string[], after: readonly string[], ids: Readonly<Record<string, number>>): object {
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
  return {
    type: 'TemplateProcessing',
    single: [...before.map(special), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(special)],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: Object.fromEntries(Object.entries(ids).map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]))
  }
}

function withPostProcessor({ tokenizer, config }: TokenizerFiles, post_processor: object): TokenizerFiles {
  return { tokenizer: { ...tokenizer, post_processor }, config }
}

const BEGIN = around(['<s>'], [], { '<s>': 1 })

/** A tokenizer of each family, with the post-processors that its models have. */
export const TEXT_TOKENIZERS = {
  embedded: byteLevel(),
  'byte-level-bos': withPostProcessor(byteLevel(), around(['<|endoftext|>'], [], { '<|endoftext|>': 0 })),
  'byte-level-llama-3': byteLevelSplitLikeLlama3(),
  'byte-level-lower-case': byteLevel({ normalizer: LOWER_CASE }),
  'sentencepiece-llama-2': withPostProcessor(sentencePiece('normalizer'), BEGIN),
  'sentencepiece-mistral': withPostProcessor(sentencePiece('metaspace'), BEGIN),
  'sentencepiece-gemma': withPostProcessor(sentencePiece('none'), BEGIN),
  unigram: withPostProcessor(unigram(), around([], ['</s>'], { '</s>': 2 }))
} as const

/** Added tokens with every flag, and Gemma's runs of spaces. */
const FLAGGED: readonly AddedToken[] = [
  { content: '<|user|>', rstrip: true },
  { content: '<|end|>', lstrip: true },
  { content: '<|both|>', lstrip: true, rstrip: true },
  { content: 'qin', special: false, single_word: true },
  { content: 'qhel', special: false, normalized: true },
  { content: 'qwor', special: false, normalized: true, single_word: true, lstrip: true },
  { content: '▁▁▁', special: false },
  { content: '\n\n', special: false }
]

/** Writes the last message like the one before it, as Phi-3 does. */
const FLAGGED_TEMPLATE =
  "{% for message in messages %}{{ '<|user|>\\n' if message.role == 'user' else '<|both|> ' }}{{ message.content + '<|end|>\\n' }}{% endfor %}" +
  '{% if add_generation_prompt %}<|both|>\n\n{% endif %}'

/** Tokenizers whose added tokens take white space, have to be words, or are looked for in normalized text. */
export const FLAGGED_TOKENIZERS = {
  'flagged-byte-level': byteLevel({}, FLAGGED, FLAGGED_TEMPLATE),
  'flagged-lower-case': byteLevel({ normalizer: LOWER_CASE }, FLAGGED, FLAGGED_TEMPLATE),
  'flagged-llama-2': sentencePiece('normalizer', FLAGGED, FLAGGED_TEMPLATE),
  'flagged-mistral': sentencePiece('metaspace', FLAGGED, FLAGGED_TEMPLATE),
  'flagged-gemma': sentencePiece('none', FLAGGED, FLAGGED_TEMPLATE)
} as const

/** The same tokenizer with other fields in tokenizer_config.json. */
function configured({ tokenizer, config }: TokenizerFiles, fields: Readonly<Record<string, unknown>>): TokenizerFiles {
  return { tokenizer, config: { ...config, unk_token: null, ...fields } }
}

const UNKNOWN = { unk_token: '<unk>' }

/** Tokenizers whose class makes transformers read them differently: most differ between 4.57 and 5.x. */
export const CLASS_TOKENIZERS = {
  'llama-byte-level': configured(byteLevelSplitLikeLlama3(), { tokenizer_class: 'LlamaTokenizerFast', add_bos_token: true }),
  'llama-byte-level-no-bos': configured(byteLevelSplitLikeLlama3(), { tokenizer_class: 'LlamaTokenizerFast', add_bos_token: false }),
  'llama-legacy': configured(TEXT_TOKENIZERS['sentencepiece-llama-2'], { tokenizer_class: 'LlamaTokenizer', legacy: true, ...UNKNOWN }),
  'llama-eos': configured(TEXT_TOKENIZERS['sentencepiece-mistral'], { tokenizer_class: 'LlamaTokenizer', add_eos_token: true, ...UNKNOWN }),
  'llama-first': configured(TEXT_TOKENIZERS['sentencepiece-mistral'], { tokenizer_class: 'LlamaTokenizer', legacy: false, ...UNKNOWN }),
  'gpt2-own-pattern': configured(byteLevelSplitLikeLlama3(), { tokenizer_class: 'GPT2Tokenizer' }),
  'gpt2-prefix-space': configured(byteLevel(), { tokenizer_class: 'GPT2Tokenizer', add_prefix_space: true }),
  'prefix-space': configured(byteLevel(), { add_prefix_space: true }),
  'gpt-neox': configured(byteLevel(), { tokenizer_class: 'GPTNeoXTokenizerFast' }),
  'split-specials': configured(byteLevel(), { split_special_tokens: true }),
  'missing-token': configured(byteLevel(), { pad_token: '<|pad|>' })
} as const

/** The files of a folder from which the tokenizer can be loaded. */
export function folderFiles({ tokenizer, config }: TokenizerFiles): Record<string, string> {
  return { 'tokenizer.json': JSON.stringify(tokenizer), 'tokenizer_config.json': JSON.stringify(config) }
}

function addedToken(id: number, token: AddedToken): object {
  return { id, special: true, lstrip: false, rstrip: false, single_word: false, normalized: false, ...token }
}

function configOf(begin: string, end: string, chatTemplate: string | null): Record<string, unknown> {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: begin,
    eos_token: end,
    clean_up_tokenization_spaces: false,
    model_max_length: 512,
    ...(chatTemplate === null ? {} : { chat_template: chatTemplate })
  }
}
