import { loadConfig } from '../src/config/load-config.ts'
import { expandRequest, type RequestedPairs } from '../src/logprob/expand-request.ts'
import { logprobOptionsOf, type RequestedOptions } from '../src/logprob/request-options.ts'
import { type LogprobResult, resultJson } from '../src/logprob/result.ts'
import { startBackend } from '../src/serving/backend.ts'
import { askedExample } from './asked-example.ts'

type Body = RequestedPairs & RequestedOptions

const STATISTICS: Body = {
  x: 'The old man walked down the road to the',
  y: [' village, and the children ran to the river.', ' seventeen violins of a parliament in blue.'],
  statistics: ['min_k', 'min_k_plus_plus', 'zlib_ratio', 'sampling_discrepancy']
}
const WORDS: Body = { x: 'The old man', y: ' walked to the river.', detail: 'words' }
const SPANS: Body = {
  x: 'The old man',
  y: ' walked to the river.',
  detail: 'words',
  spans: [
    { part: 'y', char_start: 8, char_end: 14 },
    { part: 'y', char_start: 15, char_end: 20 }
  ]
}
/** Number of decimals that agree on every machine in float32. */
const DECIMALS = 3

/** The generated blocks of docs/guides/statistics.md and docs/guides/words.md, computed with the embedded model. */
export async function textDetailBlocks(): Promise<Readonly<Record<'statistics' | 'words', Readonly<Record<string, string>>>>> {
  const silent = (): void => {}
  const backend = startBackend(loadConfig([], {}).config, { info: silent, warn: silent, error: silent })
  try {
    const { logprobEvaluator } = await backend.ready
    const block = async (body: Body, linesOf: (result: LogprobResult) => readonly string[]): Promise<string> => {
      const options = logprobOptionsOf(body)
      const terms = { signal: AbortSignal.timeout(60_000) }
      const { outcomes } = await logprobEvaluator.evaluate(expandRequest(body), options, terms, async (outcome) => {
        if ('error' in outcome) throw outcome.error
        return JSON.parse(await resultJson(outcome, options)) as LogprobResult
      })
      const results = await Promise.all(outcomes)
      return askedExample('/v1/logprob', body, `[\n${results.flatMap(linesOf).join(',\n')}\n]`)
    }
    const words = ({ words: all = [] }: LogprobResult): string[] => all.map((word) => `  ${line(word)}`)
    return {
      statistics: {
        statistics: await block(STATISTICS, ({ candidate, log_prob: { conditional }, statistics }) => [
          `  ${line({ candidate, log_prob: { conditional }, statistics })}`
        ])
      },
      words: { words: await block(WORDS, words), spans: await block(SPANS, words) }
    }
  } finally {
    await backend.close()
  }
}

function line(value: object): string {
  const rounded = (_: string, each: unknown): unknown => (typeof each === 'number' && !Number.isInteger(each) ? Number(each.toFixed(DECIMALS)) : each)
  return JSON.stringify(value, rounded, 1).replaceAll(/\n */g, ' ')
}
