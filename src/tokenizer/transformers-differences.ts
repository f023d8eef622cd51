/**
 * Where the ids of tokenizer.json differ from those of `AutoTokenizer` in transformers 4.57 or 5.x, because one of them
 * also reads tokenizer_config.json. Found with test/oracle/check_transformers.py; docs/decisions/0021.
 */

import type { AddedToken } from './added-tokens.ts'
import type { AddedIds } from './library-internals.ts'
import { spellingOf } from './pretrained-tokenizer.ts'

export interface TransformersNote {
  /** Whether it concerns the tokens around a text, or those of the text. */
  readonly concerns: 'added_tokens' | 'text'
  /** For people. */
  readonly message: string
}

interface Part {
  readonly type?: string
  readonly normalizers?: readonly Part[]
  readonly pretokenizers?: readonly Part[]
  readonly use_regex?: boolean
  readonly add_prefix_space?: boolean
  readonly prepend_scheme?: string
}

/** The files of a tokenizer, and what was read from them. */
export interface TokenizerFacts {
  readonly normalizer: unknown
  readonly preTokenizer: unknown
  readonly addedTokens: readonly AddedToken[]
  readonly config: Readonly<Record<string, unknown>>
  /** model_type of config.json. */
  readonly modelType: string | null
  /** What the post-processor of tokenizer.json adds. */
  readonly added: AddedIds
  readonly idOf: (spelling: string) => number | undefined
}

/** Classes that replace the post-processor in 4.57, and whether they add BOS when add_bos_token is absent. */
const ADDS_BOS_IN_4: Readonly<Record<string, boolean>> = {
  LlamaTokenizer: true,
  CodeLlamaTokenizer: true,
  GemmaTokenizer: true,
  CohereTokenizer: true,
  GPTNeoXTokenizer: false
}

/** Classes that replace the normalizer and the pre-tokenizer in 5.x, and what they use: types of both. */
const REBUILT_IN_5: Readonly<Record<string, readonly [normalizer: string, preTokenizer: string]>> = {
  GPT2Tokenizer: ['', 'ByteLevel'],
  GPTNeoXTokenizer: ['NFC', 'ByteLevel'],
  Qwen2Tokenizer: ['NFC', 'Split Bytes'],
  CohereTokenizer: ['NFC', 'Digits ByteLevel']
}

/** Model types for which 5.x takes tokenizer.json as it is, whatever the class says. */
const AS_IT_IS_IN_5 = new Set(
  (
    'ernie4_5 ernie4_5_moe flex_olmo glm glm4 glm4_moe glm4_moe_lite gpt_bigcode granite granitemoe granitemoehybrid granitemoeshared internlm2 ' +
    'internlm3 jamba kimi_k25 kimi_linear mimo_v2_flash minicpm3 minimax_m2 ministral ministral3 mistral mistral3 mixtral nemotron olmo2 olmo3 ' +
    'olmo_hybrid persimmon phi3 phimoe stablelm arctic'
  ).split(' ')
)

/** Empty if both majors give the ids of tokenizer.json. */
export function transformersNotes(facts: TokenizerFacts): TransformersNote[] {
  const inText = [rebuiltNote(facts), prefixSpaceNote(facts), splitSpecialsNote(facts), missingTokensNote(facts), decodedPrefixNote(facts)].filter(
    (message) => message !== null
  )
  const around = addedTokensNote(facts)
  return [
    ...(around === null ? [] : [{ concerns: 'added_tokens', message: around } as const]),
    ...inText.map((message) => ({ concerns: 'text', message }) as const)
  ]
}

function classOf({ config }: TokenizerFacts): string {
  return typeof config.tokenizer_class === 'string' ? config.tokenizer_class.replace(/Fast$/, '') : ''
}

function addedTokensNote(facts: TokenizerFacts): string | null {
  const { config, added, idOf } = facts
  const addsBegin = ADDS_BOS_IN_4[classOf(facts)]
  if (addsBegin === undefined) return null
  const ids = (wanted: unknown, name: string): number[] => {
    const spelling = wanted === true ? spellingOf(config[name]) : null
    const id = spelling === null ? undefined : idOf(spelling)
    return id === undefined ? [] : [id]
  }
  const before = ids(config.add_bos_token ?? addsBegin, 'bos_token')
  const after = ids(config.add_eos_token ?? false, 'eos_token')
  if (before.join() === added.before.join() && after.join() === added.after.join()) return null
  return (
    `transformers 4.57 adds ${around({ before, after })} a text (add_bos_token and add_eos_token of tokenizer_config.json); transformers 5 and logpr ` +
    `follow tokenizer.json and add ${around(added)} it. The prefix token of /v1/logprob does not depend on this`
  )
}

function around({ before, after }: AddedIds): string {
  const sides = [before.length > 0 ? `${before.join(', ')} in front of` : '', after.length > 0 ? `${after.join(', ')} behind` : ''].filter(
    (side) => side !== ''
  )
  return sides.length === 0 ? 'no token around' : `token ${sides.join(' and ')}`
}

function rebuiltNote(facts: TokenizerFacts): string | null {
  const own = [typesIn(facts.normalizer), typesIn(facts.preTokenizer)] as const
  const name = classOf(facts)
  const isLlama = name === 'LlamaTokenizer' || name === 'CodeLlamaTokenizer'
  const theirs = isLlama ? (['', `Metaspace ${prependScheme(facts)}`] as const) : REBUILT_IN_5[name]
  if (theirs === undefined || (facts.modelType !== null && AS_IT_IS_IN_5.has(facts.modelType))) return null
  if ((own[0] === theirs[0] && own[1] === theirs[1]) || (isLlama && /Byte/.test(own[1]))) return null
  return (
    `transformers 5 builds its own normalizer and pre-tokenizer for tokenizer_class ${name} (${described(theirs)}) in place of those of tokenizer.json ` +
    `(${described(own)}), so ids of some texts differ; transformers 4.57 and logpr follow tokenizer.json`
  )
}

function described([normalizer, preTokenizer]: readonly [string, string]): string {
  return [normalizer, preTokenizer].map((types) => (types === '' ? 'none' : types)).join(', then ')
}

/** As `LlamaTokenizer` of 5.x chooses it. */
function prependScheme({ config }: TokenizerFacts): string {
  if (config.add_prefix_space === false) return 'never'
  return config.legacy === true && config.tokenizer_class !== 'CodeLlamaTokenizer' ? 'always' : 'first'
}

/** Types of a part and of those in it; `Bytes` is ByteLevel that does not split. */
function typesIn(part: unknown): string {
  const { type, normalizers, pretokenizers, use_regex, prepend_scheme } = (part ?? {}) as Part
  const inner = normalizers ?? pretokenizers
  if (inner !== undefined)
    return inner
      .map(typesIn)
      .filter((types) => types !== '')
      .join(' ')
  if (type === 'ByteLevel' && use_regex === false) return 'Bytes'
  return type === 'Metaspace' ? `Metaspace ${prepend_scheme ?? 'always'}` : (type ?? '')
}

function prefixSpaceNote(facts: TokenizerFacts): string | null {
  const { type, add_prefix_space: own = true } = (facts.preTokenizer ?? {}) as Part
  const wanted = facts.config.add_prefix_space === true
  if (type !== 'ByteLevel' || own === wanted) return null
  const versions = classOf(facts) in REBUILT_IN_5 ? 'transformers' : 'transformers 4.57'
  return `${versions} ${wanted ? 'adds a' : 'adds no'} space in front of a text (add_prefix_space of tokenizer_config.json); logpr follows tokenizer.json`
}

function splitSpecialsNote({ config }: TokenizerFacts): string | null {
  return config.split_special_tokens === true
    ? 'transformers takes control tokens spelled in a text as text (split_special_tokens of tokenizer_config.json); POST /tokenize and /v1/completions parse them'
    : null
}

/** An added token that is looked for in normalized text is stored by that spelling since tokenizers 0.23. */
function decodedPrefixNote({ normalizer, addedTokens }: TokenizerFacts): string | null {
  if (!/Prepend/.test(typesIn(normalizer)) || !addedTokens.some(({ special, normalized }) => special !== true && normalized !== false)) return null
  return 'transformers 5 decodes an added token that is looked for in normalized text with the space that the normalizer prepends; 4.57 and logpr decode its content'
}

const SHOWN_TOKENS = 5

function missingTokensNote({ config, addedTokens, idOf }: TokenizerFacts): string | null {
  const known = new Set(addedTokens.map(({ content }) => content))
  const named = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'].map((name) => config[name])
  const listed = [config.additional_special_tokens, Object.values((config.added_tokens_decoder ?? {}) as object)].filter(Array.isArray).flat()
  const missing = new Set([...named, ...listed].map(spellingOf).filter((each) => each !== null && !known.has(each) && idOf(each) === undefined))
  if (missing.size === 0) return null
  const shown = [...missing].slice(0, SHOWN_TOKENS).join(', ')
  return `tokenizer_config.json names ${missing.size} tokens that tokenizer.json lacks (${shown}): transformers adds them, logpr takes their spelling as text`
}
