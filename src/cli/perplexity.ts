import { once } from 'node:events'
import { elementAt } from '../element-at.ts'
import { orServiceError, ServiceError } from '../errors.ts'
import { CorpusTotals } from '../perplexity/corpus.ts'
import type { PerplexityEvaluator } from '../perplexity/evaluate.ts'
import type { PerplexityOptions } from '../perplexity/request.ts'
import type { TextPerplexity } from '../perplexity/text-scores.ts'
import { COMMANDS } from './commands.ts'
import { withLocalModel } from './local-model.ts'
import { perplexityOptionsFor, perplexityPlanOf } from './perplexity-flags.ts'
import { piecesOf, textOfLine } from './perplexity-input.ts'
import { corpusInWords, type PerplexityForm, perplexityForm, type TextPlace } from './perplexity-output.ts'
import { readArguments } from './read-arguments.ts'
import { type InputLine, isBlankLine, lineBatches, nameOf, openedOperand, operandsOf, sourceOfOperands } from './score-input.ts'
import { ScoreProgress } from './score-progress.ts'

const WAITING = 'logpr: reading text from this terminal; end it with Ctrl-D. For other ways see logpr perplexity --help.\n'

/**
 * `logpr perplexity`: the perplexity of files, or of each line of them, in input order: to a table on a terminal, else
 * to JSON Lines. Files are read while they are scored. A text that cannot be scored gives an error in its place, and
 * the exit code is then 1. After SIGINT it says what was done and ends with 130.
 */
export async function perplexity(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.perplexity, argv, { ...env, LOGPR_LOG_LEVEL: env.LOGPR_LOG_LEVEL ?? 'error' })
  const { own, positionals } = loaded
  const plan = perplexityPlanOf(own)
  const operands = operandsOf(positionals, process.stdin, WAITING)
  const isTyped = positionals.length === 0 && process.stdin.isTTY
  const progress = new ScoreProgress(process.stderr, operands.totalBytes, isTyped, plan.perLine ? 'line' : 'file')
  const isForPerson = process.stdout.isTTY && own.json !== true
  const form = perplexityForm(own.number === true ? 'number' : isForPerson ? 'table' : 'json', plan.cutoffs)
  const printer = new Printer(form, progress)
  return withLocalModel(loaded, env, progress, async ({ perplexityEvaluator }, signal) => {
    const run = { evaluator: perplexityEvaluator, options: perplexityOptionsFor(plan, perplexityEvaluator.maxModelLen), printer, progress, signal }
    if (plan.perLine) await scoreLines(sourceOfOperands(positionals, process.stdin, '').lines(signal), plan.field, run)
    else await scoreFiles(operands.files, run)
    const corpus = printer.totals.corpus(plan.quantiles)
    if (corpus === null || signal.aborted) return
    if (own.summary === true) await printer.print([JSON.stringify({ object: 'perplexity.corpus', ...corpus })])
    if (corpus.texts > 1) process.stderr.write(corpusInWords(corpus))
  })
}

interface Run {
  readonly evaluator: PerplexityEvaluator
  readonly options: PerplexityOptions
  readonly printer: Printer
  readonly progress: ScoreProgress
  readonly signal: AbortSignal
}

/** One text per file. */
async function scoreFiles(files: readonly string[], { evaluator, options, printer, progress, signal }: Run): Promise<void> {
  for (const file of files) {
    const name = nameOf(file)
    const pieces = piecesOf(openedOperand(file, process.stdin), name, (sizeBytes) => progress.read(sizeBytes), signal)
    const result = await orServiceError(() => evaluator.evaluateStream(pieces, options, { signal }))
    if (signal.aborted) return
    // A file that cannot be read ends the command, as in `logpr score`.
    if (result instanceof ServiceError && result.code === 'configuration_invalid') throw result
    await printer.add([{ line: { file: name, number: null, bytes: Buffer.alloc(0) }, result }])
  }
}

/** One text per line. */
async function scoreLines(lines: AsyncIterable<InputLine>, field: string | null, { evaluator, options, printer, signal }: Run): Promise<void> {
  for await (const batch of lineBatches(lines)) {
    const texts = batch.map((line) => (isBlankLine(line) ? null : textOfLine(line, field)))
    const valid = texts.filter((text) => typeof text === 'string')
    const scored = await orServiceError(() =>
      evaluator.evaluate(
        valid.map((text) => ({ text, param: 'the line' })),
        options,
        { signal }
      )
    )
    if (signal.aborted) return
    if (scored instanceof ServiceError && scored.code === 'internal_error') throw scored
    let at = 0
    const results = texts.map((text) => {
      if (typeof text !== 'string') return text
      return scored instanceof ServiceError ? scored : elementAt(scored.results, at++)
    })
    await printer.add(batch.map((line, i) => ({ line, result: elementAt(results, i) })))
  }
}

/** Prints results and counts them. */
class Printer {
  readonly totals = new CorpusTotals()
  readonly #form: PerplexityForm
  readonly #progress: ScoreProgress
  #index = 0

  constructor(form: PerplexityForm, progress: ScoreProgress) {
    this.#form = form
    this.#progress = progress
  }

  /** A blank line has no result. */
  async add(results: readonly { readonly line: InputLine & TextPlace; readonly result: TextPerplexity | ServiceError | null }[]): Promise<void> {
    const text: string[] = []
    for (const { line, result } of results) {
      if (result === null) text.push(...this.#form.blank)
      else {
        text.push(...this.#form.lines(line, result, this.#index++))
        if (!(result instanceof ServiceError)) this.totals.add(result)
      }
      this.#progress.add(line, result === null ? [] : [result instanceof ServiceError ? result.code : null])
    }
    await this.print(text)
    this.#progress.show()
  }

  async print(lines: readonly string[]): Promise<void> {
    this.#progress.clear()
    if (lines.length > 0 && !process.stdout.write(`${lines.join('\n')}\n`)) await once(process.stdout, 'drain')
  }
}
