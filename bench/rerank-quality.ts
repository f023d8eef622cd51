import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Client, startServer } from './support/server.ts'
import { type RankingTask, rankingTasks } from './workloads/ranking-tasks.ts'

/**
 * How often each normalization ranks the right document first. Prints a table per task.
 *
 *     node dist/bench/rerank-quality.js --text FILE [--model FOLDER] [--glossary data.noun] [--queries 100]
 *         [--task NAME] [--quick]
 *
 * `--quick` leaves out the direction query_given_document and the cost without a baseline, for large models.
 */
const { values: options } = parseArgs({
  options: {
    text: { type: 'string' },
    model: { type: 'string' },
    glossary: { type: 'string' },
    queries: { type: 'string', default: '100' },
    task: { type: 'string' },
    quick: { type: 'boolean' }
  }
})

interface Result {
  readonly index: number
  readonly log_prob: number
  readonly baseline_log_prob: number
  readonly counts: { readonly y: { readonly tokens: number; readonly chars: number; readonly bytes: number } }
}

type Score = (result: Result) => number

/** What to sort by, from one answer with a baseline. */
const SCORES: Readonly<Record<string, Score>> = {
  sum: ({ log_prob: s }) => s,
  per_token: ({ log_prob: s, counts: { y } }) => s / y.tokens,
  per_char: ({ log_prob: s, counts: { y } }) => s / y.chars,
  per_byte: ({ log_prob: s, counts: { y } }) => s / y.bytes,
  'alpha 0.5': ({ log_prob: s, counts: { y } }) => s / y.tokens ** 0.5,
  pmi: ({ log_prob: s, baseline_log_prob: b }) => s - b,
  'pmi per token': ({ log_prob: s, baseline_log_prob: b, counts: { y } }) => (s - b) / y.tokens
}

interface Ranking {
  /** Place of the right document, from 1. */
  readonly place: number
  /** Whether the first document is among the three shortest, in tokens. */
  readonly isShort: boolean
}

async function rerank(client: Client, { query, documents }: RankingTask, rest: object): Promise<{ results: Result[]; computed: number }> {
  const body = JSON.stringify({ query, documents, return_documents: false, ...rest })
  const { results, usage } = JSON.parse(await client.post('/v1/rerank', body)) as { results: Result[]; usage: { computed_tokens: number } }
  return { results, computed: usage.computed_tokens }
}

function rankingOf(results: readonly Result[], score: Score, right: number, lengths: ReadonlyMap<number, number>): Ranking {
  const order = results.toSorted((a, b) => score(b) - score(a) || a.index - b.index).map(({ index }) => index)
  const shortest = [...lengths].toSorted(([, a], [, b]) => a - b).slice(0, 3)
  return { place: order.indexOf(right) + 1, isShort: shortest.some(([index]) => index === order[0]) }
}

function line(name: string, rankings: readonly Ranking[]): string {
  const share = (of: (ranking: Ranking) => number): string => (rankings.reduce((sum, each) => sum + of(each), 0) / rankings.length).toFixed(3)
  return `| ${name} | ${share(({ place }) => (place === 1 ? 1 : 0))} | ${share(({ place }) => 1 / place)} | ${share(({ isShort }) => (isShort ? 1 : 0))} |`
}

async function measure(client: Client, name: string, tasks: readonly RankingTask[]): Promise<void> {
  const rankings = new Map<string, Ranking[]>()
  const add = (score: string, ranking: Ranking): unknown => rankings.set(score, [...(rankings.get(score) ?? []), ranking])
  const ratios: number[] = []
  let [plain, withBaseline] = [0, 0]
  for (const task of tasks) {
    if (options.quick !== true) plain += (await rerank(client, task, { normalization: 'sum' })).computed
    const { results, computed } = await rerank(client, task, { normalization: 'pmi' })
    withBaseline += computed
    const lengths = new Map(results.map(({ index, counts }) => [index, counts.y.tokens]))
    ratios.push(Math.max(...lengths.values()) / Math.min(...lengths.values()))
    for (const [score, of] of Object.entries(SCORES)) add(score, rankingOf(results, of, task.right, lengths))
    if (options.quick === true) continue
    const reverse = await rerank(client, task, { direction: 'query_given_document', normalization: 'sum' })
    add('query_given_document', rankingOf(reverse.results, SCORES.sum!, task.right, lengths))
  }
  const ratio = ratios.toSorted((a, b) => a - b)[Math.floor(ratios.length / 2)]
  console.log(`\n${name}: ${tasks.length} queries, longest over shortest document ${ratio?.toFixed(1)} (median)`)
  console.log(
    `computed tokens: ${options.quick === true ? '' : `sum ${plain}, `}pmi ${withBaseline}\n\n| normalization | first | mean reciprocal rank | first is among the 3 shortest |\n|---|---|---|---|`
  )
  for (const [score, each] of rankings) console.log(line(score, each))
}

if (options.text === undefined) throw new Error('--text FILE is missing: prose with a blank line between paragraphs')
const glossary = options.glossary === undefined ? null : readFileSync(options.glossary, 'utf8')
// No result cache: each request shows what it computes.
const server = await startServer(1, [
  ...(options.model === undefined ? [] : ['--model', options.model]),
  '--result-cache-bytes',
  '0',
  '--prefix-cache-bytes',
  '0'
])
try {
  for (const [name, tasks] of Object.entries(rankingTasks(readFileSync(options.text, 'utf8'), glossary, Number(options.queries))))
    if (options.task === undefined || options.task === name) await measure(server, name, tasks)
} finally {
  await server.close()
}
