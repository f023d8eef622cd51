import { once } from 'node:events'
import type { LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import { failureOf, resultOf } from '../logprob/result.ts'
import type { ReadyBackend } from '../serving/ready-backend.ts'
import { COMMANDS } from './commands.ts'
import { withLocalModel } from './local-model.ts'
import { readArguments } from './read-arguments.ts'
import { requestedFields } from './score-flags.ts'
import { isBlankLine, type LineSource, lineBatches, sourceOfOne, sourceOfOperands } from './score-input.ts'
import { optionsOf, scoreLine } from './score-line.ts'
import { ScoreProgress } from './score-progress.ts'
import { ScoreTable } from './score-table.ts'

/**
 * `logpr score`: scores one pair from flags, or JSON Lines, in input order: to a table on a terminal, else to JSON
 * Lines. A line that cannot be scored becomes a line with an error, and the exit code is then 1. After SIGINT it says
 * what was done and ends with 130.
 */
export async function score(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.score, argv, { ...env, LOGPR_LOG_LEVEL: env.LOGPR_LOG_LEVEL ?? 'error' })
  const { own } = loaded
  const options = optionsOf(requestedFields(own))
  const source = sourceOf(loaded)
  const isTyped = loaded.positionals.length === 0 && process.stdin.isTTY
  const progress = new ScoreProgress(process.stderr, source.totalBytes, isTyped || own.y !== undefined)
  const table = process.stdout.isTTY && !own.json ? new ScoreTable(options.terms, process.stdout.columns || 80) : null
  return withLocalModel(loaded, env, progress, (model, signal) => scoreAll(source, { model, options, progress, table, signal }))
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
  readonly model: ReadyBackend
  readonly options: LogprobOptions
  readonly progress: ScoreProgress
  readonly table: ScoreTable | null
  readonly signal: AbortSignal
}

async function scoreAll(source: LineSource, { model, options, progress, table, signal }: Scoring): Promise<void> {
  const aborted = once(signal, 'abort').then(() => null)
  let index = 0
  for await (const lines of lineBatches(source.lines(signal))) {
    const scoring = Promise.all(lines.map((line) => (isBlankLine(line) ? [] : scoreLine(line, { evaluator: model.logprobEvaluator, options, signal }))))
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
