import { type LogprobItem, TERMS, type Term } from '../encoding/logprob-item.ts'
import type { Outcome } from '../evaluation/logprob-evaluator.ts'
import { failureOf, resultOf } from '../logprob/result.ts'
import type { InputLine } from './score-input.ts'

const HEADS: Readonly<Record<Term, string>> = { joint: 'log Pr(x,y)', marginal: 'log Pr(x)', conditional: 'log Pr(y|x)' }
const NUMBER_COLUMNS = 11
const LINE_COLUMNS = 6
const INDENT = ' '.repeat(LINE_COLUMNS + 2)

/** Columns of text for a person: numbers rounded to four decimals, texts cut to the width of the terminal. */
export class ScoreTable {
  readonly #terms: readonly Term[]
  readonly #columns: number
  #file: string | null | undefined

  constructor(terms: ReadonlySet<Term>, columns: number) {
    // The term that people look for comes first.
    this.#terms = TERMS.toReversed().filter((term) => terms.has(term))
    this.#columns = columns
  }

  /** The lines of one outcome, and the head before the first one of a file. */
  rows({ file, number }: Pick<InputLine, 'file' | 'number'>, outcome: Outcome): string[] {
    const isFromFlags = number === null
    const head =
      this.#file === file
        ? []
        : [...(file === null ? [] : [`${this.#file === undefined ? '' : '\n'}${printable(file)}`]), this.#head(isFromFlags ? '' : 'line')]
    this.#file = file
    const line = String(number ?? '').padStart(LINE_COLUMNS)
    return [...head, ...('error' in outcome ? this.#failure(line, outcome) : this.#result(line, outcome))]
  }

  #head(line: string): string {
    return `${line.padStart(LINE_COLUMNS)}  ${this.#terms.map((term) => HEADS[term].padStart(NUMBER_COLUMNS)).join('  ')}  checks  y`
  }

  #failure(line: string, { item, error }: Extract<Outcome, { error: unknown }>): string[] {
    const { id, error: failure } = failureOf(item, error)
    return [`${line}  ${id === null ? '' : `${printable(id)}: `}error ${failure.code}: ${failure.message}`]
  }

  #result(line: string, outcome: Exclude<Outcome, { error: unknown }>): string[] {
    const result = resultOf(outcome, new Set(this.#terms))
    const numbers = this.#terms.map((term) => nats(result.log_prob[term]))
    const start = `${line}  ${numbers.join('  ')}  ${result.checks.verdict.padEnd(6)}  `
    const findings = result.checks.items.filter(({ status }) => status === 'warn' || status === 'fail')
    return [
      start + this.#cut(`${result.id === null ? '' : `${printable(result.id)}: `}${outputOf(outcome.item)}`, start.length),
      ...result.warnings.map(({ code, message }) => `${INDENT}warning ${code}: ${message}`),
      ...findings.map(({ id, status, message }) => `${INDENT}${status} ${id}: ${message}`),
      ...(result.tokens ?? []).map(({ part, text, log_prob, rank, top }) => {
        const others = top === undefined ? '' : `  top: ${top.map((other) => `${quoted(other.text)} ${other.log_prob.toFixed(2)}`).join(', ')}`
        return this.#cut(`${INDENT}${part.padEnd(6)} ${nats(log_prob)}  ${rank === null ? '' : `rank ${rank}`.padEnd(10)} ${quoted(text)}${others}`, 0)
      })
    ]
  }

  #cut(text: string, taken: number): string {
    const room = Math.max(this.#columns - taken, 10)
    const characters = [...text]
    return characters.length <= room ? text : `${characters.slice(0, room - 1).join('')}…`
  }
}

function nats(value: number | null | undefined): string {
  return (typeof value === 'number' ? value.toFixed(4) : 'none').padStart(NUMBER_COLUMNS)
}

function outputOf({ y }: LogprobItem): string {
  return typeof y === 'string' ? quoted(y) : `[${y.join(', ')}]`
}

function quoted(text: string): string {
  return printable(JSON.stringify(text))
}

/** Without what a terminal would obey: control characters, and marks that change the direction of the text. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
