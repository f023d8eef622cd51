import { setMaxListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Comparison } from '../compare/comparison.ts'
import { deltaHistogram } from '../compare/histogram.ts'
import type { Side } from '../compare/side.ts'
import { elementAt } from '../element-at.ts'
import { ServiceError } from '../errors.ts'
import { COMMANDS } from './commands.ts'
import { COMPARE_DEFAULTS } from './compare-flags.ts'
import { comparisonJson, comparisonText, isWithin } from './compare-report.ts'
import { openSide } from './compare-sides.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { textOfLine } from './perplexity-input.ts'
import { readArguments } from './read-arguments.ts'
import { type InputLine, isBlankLine, type LineSource, lineBatches, sourceOfOperands } from './score-input.ts'
import { ScoreProgress } from './score-progress.ts'

/**
 * `logpr compare`: scores a corpus with two models or servers, and prints how their log-probabilities differ. Returns 1
 * when the mean difference exceeds `--max-mean-nats` or a text failed. Throws `PeerError` when a server cannot be used.
 */
export async function compare(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.compare, argv, { ...env, LOGPR_LOG_LEVEL: env.LOGPR_LOG_LEVEL ?? 'error' })
  const { own, positionals } = loaded
  const maxMean = natsOf(own['max-mean-nats'])
  const [a = '', b = ''] = positionals
  if (own.data === undefined) throw invalid('compare needs texts: --data FILE, with one text per line')
  if (positionals.length === 1) throw invalid('compare needs two models or servers, A and B, or none for two precisions of --model')
  const source = sourceOfOperands([own.data], process.stdin)
  const interrupted = new AbortController()
  const { signal } = interrupted
  // Every text that is being scored listens.
  setMaxListeners(0, signal)
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt)
  const progress = new ScoreProgress(process.stderr, source.totalBytes, false)
  const sides: Side[] = []
  try {
    progress.loading()
    for (const [letter, operand] of [['a', a] as const, ['b', b] as const]) sides.push(await openSide(operand, letter, loaded, env, signal))
    progress.begin()
    const [sideA, sideB] = [elementAt(sides, 0), elementAt(sides, 1)]
    const comparison = new Comparison(own.worst ?? COMPARE_DEFAULTS.worst)
    const failed = await compareLines(source, { sideA, sideB, field: own.field ?? null, comparison, progress, signal })
    progress.summarize(signal.aborted)
    if (signal.aborted) return EXIT_INTERRUPTED
    const result = comparison.result()
    const head = { a: sideA.name, b: sideB.name, failed }
    process.stdout.write(own.json ? `${JSON.stringify(comparisonJson(head, result, maxMean), null, 2)}\n` : comparisonText(head, result, maxMean))
    if (own.figure !== undefined) writeFigure(own.figure, comparison, `${sideB.name} against ${sideA.name}`)
    return failed > 0 || (maxMean !== null && !isWithin(result, maxMean)) ? 1 : 0
  } catch (error) {
    if (signal.aborted) return EXIT_INTERRUPTED
    throw error
  } finally {
    progress.clear()
    process.off('SIGINT', interrupt)
    await Promise.all(sides.map((side) => side.close()))
  }
}

interface Run {
  readonly sideA: Side
  readonly sideB: Side
  readonly field: string | null
  readonly comparison: Comparison
  readonly progress: ScoreProgress
  readonly signal: AbortSignal
}

/** Returns how many texts failed. A text that one side cannot score counts for neither. */
async function compareLines(source: LineSource, { sideA, sideB, field, comparison, progress, signal }: Run): Promise<number> {
  let failed = 0
  for await (const batch of lineBatches(source.lines(signal))) {
    const lines = batch.filter((line) => !isBlankLine(line)).map((line) => ({ line, text: textOfLine(line, field) }))
    const texts = lines.flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
    const scoredA = await sideA.score(texts, signal)
    const scoredB = await sideB.score(texts, signal)
    if (signal.aborted) break
    let at = 0
    for (const { line, text } of lines) {
      const [a, b] = typeof text === 'string' ? [elementAt(scoredA, at), elementAt(scoredB, at++)] : [text, text]
      const error = errorOf(text) ?? errorOf(a) ?? errorOf(b)
      progress.add(line, [error?.code ?? null])
      if (text instanceof ServiceError || a instanceof ServiceError || b instanceof ServiceError) {
        failed++
        progress.clear()
        process.stderr.write(`logpr: line ${line.number ?? 1} is left out: ${error?.code}: ${error?.message}\n`)
      } else comparison.add(text, placeOf(line), a, b)
    }
    progress.show()
  }
  return failed
}

function errorOf(value: unknown): ServiceError | null {
  return value instanceof ServiceError ? value : null
}

function placeOf({ file, number }: InputLine): { file?: string; line?: number } {
  return { ...(file === null ? {} : { file }), ...(number === null ? {} : { line: number }) }
}

function writeFigure(file: string, { deltas }: Comparison, title: string): void {
  if (deltas.count === 0) throw invalid('--figure needs tokens that both sides have: there is none, so no figure was written')
  try {
    writeFileSync(file, deltaHistogram(deltas.sorted(), { title }))
  } catch (error) {
    throw new ServiceError('configuration_invalid', `--figure cannot be written (${(error as NodeJS.ErrnoException).code}): check its folder`, { cause: error })
  }
}

function natsOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw invalid('--max-mean-nats must be a number of nats, 0 or more')
  return value
}

function invalid(message: string): ServiceError {
  return new ServiceError('configuration_invalid', message)
}
