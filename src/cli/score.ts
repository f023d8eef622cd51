import { once, setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { withProviderDefaults } from '../config/provider-defaults.ts'
import type { LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import { failureOf, resultOf } from '../logprob/result.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { type ScoringBackend, startBackend } from '../serving/backend.ts'
import { COMMANDS } from './commands.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { locateWithProgress } from './model-locator.ts'
import { readArguments } from './read-arguments.ts'
import { requestedFields } from './score-flags.ts'
import { type InputLine, type LineSource, sourceOfOne, sourceOfOperands } from './score-input.ts'
import { optionsOf, scoreLine } from './score-line.ts'
import { ScoreProgress } from './score-progress.ts'
import { ScoreTable } from './score-table.ts'

/** Lines scored together: enough to fill batches, and few enough that results appear steadily. */
const LINES_AT_ONCE = 64
/** Longest time that lines which have arrived wait for more. */
const LINGER_MS = 20

/**
 * `logpr score`: scores one pair from flags, or JSON Lines, in input order: to a table on a terminal, else to JSON
 * Lines. A line that cannot be scored becomes a line with an error, and the exit code is then 1. After SIGINT it says
 * what was done and ends with 130.
 */
export async function score(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.score, argv, { ...env, LOGPR_LOG_LEVEL: env.LOGPR_LOG_LEVEL ?? 'error' })
  const { config: settings, own, given } = loaded
  const options = optionsOf(requestedFields(own))
  const source = sourceOf(loaded)
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)

  const isTyped = loaded.positionals.length === 0 && process.stdin.isTTY
  const progress = new ScoreProgress(process.stderr, source.totalBytes, isTyped || own.y !== undefined)
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  // Every line that is being scored listens.
  setMaxListeners(0, interrupted.signal)
  // Until here SIGINT ends the process, as during a download, which the next start resumes.
  const located = await locateWithProgress(config.MODEL, config, env, process.stderr)
  process.once('SIGINT', interrupt)
  const clear = (): void => progress.clear()
  // Also when the reader of standard output has gone.
  process.once('exit', clear)
  const log = await createLogger(config.LOG_LEVEL, 2, config.LOG_FORMAT)
  // Lines are read only as fast as they are scored, so the queue needs no limit.
  const backend = startBackend({ ...config, MAX_QUEUE_TOKENS: Number.MAX_SAFE_INTEGER }, log, {
    located,
    provider,
    precisionFolder: precisionFolder(env)
  })
  try {
    progress.loading()
    const table = process.stdout.isTTY && !own.json ? new ScoreTable(options.terms, process.stdout.columns || 80) : null
    await scoreAll(source, { backend, options, progress, table, signal: interrupted.signal })
    progress.summarize(interrupted.signal.aborted)
    if (interrupted.signal.aborted) return EXIT_INTERRUPTED
    return progress.hasErrors ? 1 : 0
  } finally {
    progress.clear()
    process.off('exit', clear)
    process.off('SIGINT', interrupt)
    await backend.close()
  }
}

function sourceOf({ own, positionals }: Pick<ReturnType<typeof readArguments<typeof COMMANDS.score.flags>>, 'own' | 'positionals'>): LineSource {
  const { x, messages, y } = own
  if (x === undefined && messages === undefined && y === undefined) return sourceOfOperands(positionals, process.stdin)
  const fault =
    positionals.length > 0
      ? `give either files or --x and --y, not both (got ${positionals.length} besides flags); quote a text with spaces`
      : y === undefined
        ? `${x === undefined ? '--messages' : '--x'} needs --y, the output to score`
        : x === undefined && messages === undefined
          ? '--y needs --x or --messages, the prompt'
          : x !== undefined && messages !== undefined
            ? '--x and --messages exclude each other: give one of them'
            : null
  if (fault !== null) throw new ServiceError('configuration_invalid', fault)
  const prompt = messages === undefined ? { x } : { messages: conversationOf(messages) }
  return sourceOfOne({ ...prompt, y: y?.length === 1 ? y[0] : y })
}

function conversationOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ServiceError('configuration_invalid', `--messages must be JSON, such as '[{"role": "user", "content": "Hi"}]'`, { cause: error })
  }
}

interface Scoring {
  readonly backend: ScoringBackend
  readonly options: LogprobOptions
  readonly progress: ScoreProgress
  readonly table: ScoreTable | null
  readonly signal: AbortSignal
}

async function scoreAll(source: LineSource, { backend, options, progress, table, signal }: Scoring): Promise<void> {
  const aborted = once(signal, 'abort').then(() => null)
  const ready = await Promise.race([backend.ready, aborted])
  if (ready === null) return
  progress.begin()
  let index = 0
  for await (const lines of batchesOf(source.lines(signal))) {
    const scoring = Promise.all(lines.map((line) => (isBlank(line) ? [] : scoreLine(line, { evaluator: ready.logprobEvaluator, options, signal }))))
    const scored = await Promise.race([scoring, aborted])
    if (scored === null || signal.aborted) return
    const text: string[] = []
    for (const [i, outcomes] of scored.entries()) {
      const line = lines[i]!
      for (const outcome of outcomes) {
        if (table !== null) text.push(...table.rows(line, outcome))
        else {
          const result = 'error' in outcome ? failureOf(outcome.item, outcome.error) : resultOf(outcome, options.terms)
          const place = { ...(line.file === null ? {} : { file: line.file }), ...(line.number === null ? {} : { line: line.number }) }
          text.push(JSON.stringify({ ...result, index, ...place }))
        }
        index++
      }
      progress.add(
        line,
        outcomes.map((outcome) => ('error' in outcome ? outcome.error.code : null))
      )
    }
    progress.clear()
    if (text.length > 0 && !process.stdout.write(`${text.join('\n')}\n`)) await once(process.stdout, 'drain')
    progress.show()
  }
}

function isBlank({ bytes }: InputLine): boolean {
  return bytes.length === 0 || bytes.toString('latin1').trim() === ''
}

/** Groups of lines: as many as arrive within a short time, so that a person and a slow pipe get answers at once. */
async function* batchesOf(lines: AsyncIterable<InputLine>): AsyncGenerator<InputLine[]> {
  const iterator = lines[Symbol.asyncIterator]()
  let next = iterator.next()
  for (let first = await next; !first.done; first = await next) {
    const batch = [first.value]
    const late = pause(LINGER_MS, null, { ref: false })
    next = iterator.next()
    while (batch.length < LINES_AT_ONCE) {
      const line = await Promise.race([next, late])
      if (line === null || line.done) break
      batch.push(line.value)
      next = iterator.next()
    }
    yield batch
  }
}
