import { readFileSync } from 'node:fs'
import { ServiceError } from '../errors.ts'

/** The prompt of a causal reranker, which answers with one of two labels. docs/guides/rerank.md describes the file. */
export interface RerankTemplate {
  readonly name: string
  /**
   * Tokenized one by one and joined. A piece with a placeholder is ordinary text; in the others, control tokens are
   * recognized.
   */
  readonly pieces: readonly string[]
  /** The default of {instruction}. */
  readonly instruction: string
  readonly labels: { readonly yes: string; readonly no: string }
  /** Whether the prefix token of the model comes first. */
  readonly hasPrefixToken: boolean
  /** Tokens that a model trained with this template has. */
  readonly controlTokens: readonly string[]
}

export const PLACEHOLDER = /\{(query|document|instruction)\}/g

const BUILT_IN: readonly RerankTemplate[] = [
  {
    // https://huggingface.co/Qwen/Qwen3-Reranker-0.6B
    name: 'qwen3-reranker',
    pieces: [
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n',
      // The card tokenizes this piece and the next as one text. No token of Qwen spans a line break and a "<".
      '<Instruct>: {instruction}\n<Query>: {query}\n',
      '<Document>: {document}',
      '<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'
    ],
    instruction: 'Given a web search query, retrieve relevant passages that answer the query',
    labels: { yes: 'yes', no: 'no' },
    hasPrefixToken: false,
    controlTokens: ['<|im_start|>', '<|im_end|>']
  },
  {
    // FlagEmbedding 1.4.2, BaseLLMReranker.
    name: 'bge-reranker-v2-gemma',
    pieces: ['A: {query}', '\n', 'B: {document}', '\n', '{instruction}'],
    instruction:
      "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a prediction of either 'Yes' or 'No'.",
    labels: { yes: 'Yes', no: 'No' },
    hasPrefixToken: true,
    controlTokens: []
  }
]

/** The templates of a service by name. The first one is the default. */
export type RerankTemplates = ReadonlyMap<string, RerankTemplate>

/**
 * The built-in templates, and first of all the one that `--rerank-template` names: a built-in one, or a JSON file.
 * Throws `configuration_invalid`.
 */
export function rerankTemplates(chosen: string): RerankTemplates {
  const builtIn = BUILT_IN.map((template) => [template.name, template] as const)
  const known = new Map(builtIn)
  if (chosen === '') return known
  const first = known.get(chosen) ?? templateOf(readJson(chosen, [...known.keys()]), chosen)
  return new Map([[first.name, first], ...builtIn.filter(([name]) => name !== first.name)])
}

function readJson(path: string, names: readonly string[]): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw invalid(path, `it is neither a file that can be read nor one of ${names.join(', ')} (${(error as NodeJS.ErrnoException).code})`, error)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(path, 'the file is not JSON', error)
  }
}

const FIELDS = ['name', 'pieces', 'instruction', 'labels', 'prefix_token', 'control_tokens'] as const

function templateOf(value: unknown, path: string): RerankTemplate {
  if (!isObject(value)) throw invalid(path, 'the file must contain a JSON object')
  const stray = Object.keys(value).find((field) => !FIELDS.some((known) => known === field))
  if (stray !== undefined) throw invalid(path, `${JSON.stringify(stray)} is not a field of a template; the fields are ${FIELDS.join(', ')}`)
  const { name, pieces, instruction = '', labels, prefix_token: prefixToken = 'auto', control_tokens: controlTokens = [] } = value
  if (!isText(name) || name === '') throw invalid(path, 'name must be a text')
  if (!isTexts(pieces) || pieces.length === 0) throw invalid(path, 'pieces must be a list of texts, none of them empty')
  for (const placeholder of ['{query}', '{document}'])
    if (!pieces.some((piece) => piece.includes(placeholder))) throw invalid(path, `no piece contains ${placeholder}`)
  if (!isText(instruction)) throw invalid(path, 'instruction must be a text')
  if (instruction === '' && pieces.some((piece) => piece.includes('{instruction}')))
    throw invalid(path, 'a piece contains {instruction}, so instruction must be its default text')
  if (!isObject(labels) || !isText(labels.yes) || !isText(labels.no) || labels.yes === '' || labels.no === '' || labels.yes === labels.no)
    throw invalid(path, 'labels must be an object with two different texts, yes and no')
  if (prefixToken !== 'auto' && prefixToken !== 'none') throw invalid(path, 'prefix_token must be auto or none')
  if (!isTexts(controlTokens)) throw invalid(path, 'control_tokens must be a list of texts, none of them empty')
  return { name, pieces, instruction, labels: { yes: labels.yes, no: labels.no }, hasPrefixToken: prefixToken === 'auto', controlTokens }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed()
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => isText(each) && each !== '')
}

function invalid(path: string, reason: string, cause?: unknown): ServiceError {
  return new ServiceError('configuration_invalid', `--rerank-template ${path}: ${reason}`, { cause })
}
