import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { SingleBar } from 'cli-progress'
import { loadConfig, withProviderDefaults } from '../config/load-config.ts'
import { DEFAULT_OPTIONS } from '../encoding/logprob-item.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Outcome } from '../evaluation/logprob-evaluator.ts'
import { parseJsonLine } from '../json/parse.ts'
import { expandRequest, type RequestedPairs } from '../logprob/expand-request.ts'
import { failureOf, resultOf } from '../logprob/result.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { type ScoringBackend, startBackend } from '../serving/backend.ts'
import { locateWithProgress } from './model-locator.ts'

/** Lines scored together: enough to fill batches, and few enough that results appear steadily. */
const LINES_AT_ONCE = 64

/**
 * `logpr score`: scores one pair from flags, or JSON Lines to JSON Lines in input order. A line that cannot be scored
 * becomes a line with an error, and the exit code is then 1.
 */
export async function score(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config: settings, own, positionals, given } = loadConfig(argv, { ...env, LOGPR_LOG_LEVEL: env.LOGPR_LOG_LEVEL ?? 'error' }, ['x', 'y'])
  if ((own.x === undefined) !== (own.y === undefined)) throw new ServiceError('configuration_invalid', '--x and --y must be given together')
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  const located = await locateWithProgress(config.MODEL, config, env, process.stderr)
  // Lines are read only as fast as they are scored, so the queue needs no limit.
  const backend = startBackend({ ...config, MAX_QUEUE_TOKENS: Number.MAX_SAFE_INTEGER }, createLogger(config.LOG_LEVEL, 2), {
    located,
    provider,
    precisionFolder: precisionFolder(env)
  })
  try {
    if (own.x !== undefined && own.y !== undefined)
      return await scoreLines([JSON.stringify({ x: own.x, y: own.y })], backend, createProgress(process.stderr, 1))
    const input = positionals[0] === undefined ? process.stdin : createReadStream(positionals[0])
    return await scoreLines(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), backend, createProgress(process.stderr))
  } finally {
    await backend.close()
  }
}

interface NumberedLine {
  /** From 1, as editors count. */
  readonly number: number
  readonly text: string
}

async function scoreLines(source: Iterable<string> | AsyncIterable<string>, backend: ScoringBackend, progress: Progress): Promise<number> {
  let failures = 0
  let index = 0
  let number = 0
  let waiting: NumberedLine[] = []
  const flush = async (): Promise<void> => {
    const scored = await Promise.all(waiting.map(async (line) => ({ line, outcomes: await scoreLine(line.text, backend) })))
    for (const { line, outcomes } of scored) {
      for (const outcome of outcomes) {
        const result = 'error' in outcome ? failureOf(outcome.item, outcome.error) : resultOf(outcome, DEFAULT_OPTIONS.terms)
        if ('error' in outcome) failures++
        process.stdout.write(`${JSON.stringify({ ...result, index: index++, line: line.number })}\n`)
      }
    }
    progress.add(waiting.length)
    waiting = []
  }
  for await (const text of source) {
    number++
    if (text.trim() !== '') waiting.push({ number, text })
    if (waiting.length === LINES_AT_ONCE) await flush()
  }
  await flush()
  progress.done()
  return failures === 0 ? 0 : 1
}

async function scoreLine(line: string, backend: ScoringBackend): Promise<Outcome[]> {
  const { logprobEvaluator } = await backend.ready
  try {
    const items = expandRequest(parseLine(line))
    const { outcomes } = await logprobEvaluator.evaluate(items, DEFAULT_OPTIONS, { signal: new AbortController().signal })
    return await Promise.all(outcomes)
  } catch (error) {
    return [{ item: { index: 0, candidate: 0, id: null, x: '', y: '', param: { x: 'x', y: 'y' } }, error: serviceErrorFrom(error) }]
  }
}

function parseLine(line: string): RequestedPairs {
  let value: unknown
  try {
    value = parseJsonLine(line)
  } catch (error) {
    if (error instanceof ServiceError) throw error
    throw new ServiceError('invalid_json', 'the line is not valid JSON', { cause: error })
  }
  if (!isPair(value))
    throw new ServiceError('invalid_request', 'a line must be an object with x (a text or token ids), y (one output or a list of outputs) and, optionally, id')
  return value
}

function isPair(value: unknown): value is RequestedPairs {
  if (typeof value !== 'object' || value === null) return false
  const { x, y, id, ...rest } = value as Record<string, unknown>
  const isIds = (ids: unknown): boolean => Array.isArray(ids) && ids.every(Number.isInteger)
  const isOutput = (output: unknown): boolean => typeof output === 'string' || isIds(output)
  return (
    Object.keys(rest).length === 0 && isOutput(x) && (isOutput(y) || (Array.isArray(y) && y.every(isOutput))) && (id === undefined || typeof id === 'string')
  )
}

interface Progress {
  add(count: number): void
  done(): void
}

/** Scored lines between two progress lines when there is no terminal. */
const LINES_PER_REPORT = 1000

/**
 * Shows a progress bar on a terminal and plain lines elsewhere. `total` is absent when lines are read from a stream.
 */
function createProgress(stream: NodeJS.WriteStream, total?: number): Progress {
  let done = 0
  if (!stream.isTTY) {
    return {
      add(count) {
        if (Math.floor((done + count) / LINES_PER_REPORT) > Math.floor(done / LINES_PER_REPORT)) stream.write(`scored ${done + count} lines\n`)
        done += count
      },
      done() {}
    }
  }
  const bar = new SingleBar({
    stream,
    format: total === undefined ? 'scored {value} lines, {duration_formatted}' : 'scored {bar} {value}/{total}, {eta_formatted} left',
    hideCursor: true,
    clearOnComplete: true
  })
  bar.start(total ?? 0, 0)
  return {
    add(count) {
      done += count
      if (total === undefined) bar.setTotal(done)
      bar.update(done)
    },
    done: () => bar.stop()
  }
}
