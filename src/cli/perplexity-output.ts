import { ServiceError } from '../errors.ts'
import { type Bucket, bucketOf, type Corpus } from '../perplexity/corpus.ts'
import type { TextPerplexity } from '../perplexity/text-scores.ts'
import type { InputLine } from './score-input.ts'
import { printable } from './score-table.ts'

/** Where a text comes from. */
export type TextPlace = Pick<InputLine, 'file' | 'number'>

/** Writes results in one form, a line or more each. */
export interface PerplexityForm {
  /** For a blank line: something only where results are counted by lines. */
  readonly blank: readonly string[]
  lines(place: TextPlace, result: TextPerplexity | ServiceError, index: number): readonly string[]
}

/** The form for programs, and the columns for a person. */
export function perplexityForm(form: 'table' | 'json' | 'number', cutoffs: readonly [number, number] | null): PerplexityForm {
  const bucket = ({ perplexity }: TextPerplexity): Bucket | null => (cutoffs === null ? null : bucketOf(perplexity.per_token, cutoffs))
  if (form === 'number')
    return { blank: ['nan'], lines: (_, result) => [result instanceof ServiceError ? 'nan' : String(result.perplexity.per_token ?? 'inf')] }
  if (form === 'table') return new Table(bucket)
  return {
    blank: [],
    lines(place, result, index) {
      const where = { ...(place.file === null ? {} : { file: place.file }), ...(place.number === null ? {} : { line: place.number }) }
      if (result instanceof ServiceError) {
        const { code, message, param } = result
        return [JSON.stringify({ object: 'perplexity.failure', index, error: { code, message, ...(param === undefined ? {} : { param }) }, ...where })]
      }
      const own = bucket(result)
      return [JSON.stringify({ object: 'perplexity.result', index, ...result, ...(own === null ? {} : { bucket: own }), ...where })]
    }
  }
}

const COLUMNS = ['per token', 'per word', 'per byte', 'bits/byte', 'log Pr', 'tokens', 'words'] as const
const WIDTH = 11

class Table implements PerplexityForm {
  readonly blank = []
  readonly #bucket: (result: TextPerplexity) => Bucket | null
  #hasHead = false

  constructor(bucket: (result: TextPerplexity) => Bucket | null) {
    this.#bucket = bucket
  }

  lines({ file, number }: TextPlace, result: TextPerplexity | ServiceError): string[] {
    const head = this.#hasHead ? [] : [`${COLUMNS.map((name) => name.padStart(WIDTH)).join(' ')}  text`]
    this.#hasHead = true
    const name = `${file === null ? 'standard input' : printable(file)}${number === null ? '' : ` line ${number}`}`
    if (result instanceof ServiceError) return [...head, `${name}: error ${result.code}: ${result.message}`]
    const { perplexity, bits_per_byte, log_prob, counts, warnings, tokens, curve } = result
    const { per_token, per_word, per_byte } = perplexity
    const numbers = [...[per_token, per_word, per_byte, bits_per_byte, log_prob].map(shown), String(counts.tokens), String(counts.words)]
    const bucket = this.#bucket(result)
    return [
      ...head,
      `${numbers.map((each) => each.padStart(WIDTH)).join(' ')}  ${name}${bucket === null ? '' : ` (${bucket})`}`,
      ...warnings.map(({ code, message }) => `  warning ${code}: ${message}`),
      ...(curve?.position ?? []).map(({ start, end, perplexity: own }) => `  tokens ${start} to ${end - 1}: ${shown(own)}`),
      ...(tokens ?? []).map((token) => `  ${shown(token.log_prob).padStart(WIDTH)}  ${printable(JSON.stringify(token.text))}`)
    ]
  }
}

/** All texts together, for a person. */
export function corpusInWords({ texts, counts, perplexity, bits_per_byte: bits, quantiles }: Corpus): string {
  const own = `${texts} texts, ${counts.tokens.toLocaleString('en')} tokens: perplexity ${shown(perplexity.per_token)} per token, ${shown(perplexity.per_word)} per word, ${shown(bits)} bits per byte`
  return `${own}; quantiles per token: ${quantiles.map((each) => `${Number(each.quantile.toFixed(3))} at ${shown(each.perplexity)}`).join(', ')}\n`
}

function shown(value: number | null): string {
  if (value === null) return 'none'
  return Math.abs(value) >= 1e7 ? value.toExponential(3) : value.toFixed(3)
}
