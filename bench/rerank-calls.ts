import { availableParallelism } from 'node:os'
import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { deadlineAfter } from './support/budget.ts'
import type { Findings } from './support/result.ts'
import { type Server, startServer } from './support/server.ts'
import { flagIfKnown, turnFlags } from './support/server-flags.ts'
import { median, medianRatio } from './support/statistics.ts'
import { type RerankTexts, rerankTexts } from './workloads/rerank-texts.ts'

const DOCUMENTS = 100
const DOCUMENT_TOKENS = [20, 60] as const
const QUERY_TOKENS = [200, 400]
const ROUNDS = 5
const SECONDS = { gpt2: 60, embedded: 30 } as const
/** Number of documents sent alone in a round without caching between calls; the time is scaled. */
const ALONE = { gpt2: 20, embedded: 50 } as const
const AIM = 5

interface Times {
  readonly queryTokens: number
  readonly together: number[]
  readonly alone: number[]
  readonly aloneKept: number[]
  computedTogether: number
  computedAlone: number
}

/** 100 documents for one query: in one call, and in one call each. */
export async function run(name: BenchModelName): Promise<Findings> {
  const model = benchModel(name)
  const flags = ['--model', model.folder, ...turnFlags(availableParallelism())]
  const server = await startServer(1, flags)
  const forgetful = await startServer(1, [...flags, ...flagIfKnown('prefix-cache-bytes', 0)])
  const texts = await rerankTexts(server, DOCUMENTS, DOCUMENT_TOKENS)
  const all = QUERY_TOKENS.map((queryTokens): Times => ({ queryTokens, together: [], alone: [], aloneKept: [], computedTogether: 0, computedAlone: 0 }))
  for (const each of [server, forgetful]) await rerank(each, texts.next(100))
  const deadline = deadlineAfter(SECONDS[name])
  for (let round = 0; round < ROUNDS && (round < 2 || !deadline.isOver()); round++) {
    for (const times of all) await measure(server, forgetful, times, () => texts.next(times.queryTokens), ALONE[name])
  }
  await Promise.all([server.close(), forgetful.close()])
  return findingsOf(name, model.name, all)
}

/** Different texts each time, so that none is cached. */
async function measure(server: Server, forgetful: Server, times: Times, next: () => RerankTexts, alone: number): Promise<void> {
  const together = await rerank(server, next())
  times.together.push(together.seconds)
  times.computedTogether = together.computedTokens
  const plain = await oneByOne(forgetful, next(), alone)
  times.alone.push((plain.seconds * DOCUMENTS) / alone)
  times.computedAlone = (plain.computedTokens * DOCUMENTS) / alone
  times.aloneKept.push((await oneByOne(server, next(), DOCUMENTS)).seconds)
}

async function rerank(server: Server, { query, documents }: RerankTexts): Promise<{ seconds: number; computedTokens: number }> {
  const began = performance.now()
  const answer = JSON.parse(await server.post('/v1/rerank', JSON.stringify({ query, documents }))) as { usage?: { computed_tokens?: number } }
  return { seconds: (performance.now() - began) / 1000, computedTokens: answer.usage?.computed_tokens ?? Number.NaN }
}

async function oneByOne(server: Server, { query, documents }: RerankTexts, count: number): Promise<{ seconds: number; computedTokens: number }> {
  let [seconds, computedTokens] = [0, 0]
  for (const document of documents.slice(0, count)) {
    const one = await rerank(server, { query, documents: [document] })
    seconds += one.seconds
    computedTokens += one.computedTokens
  }
  return { seconds, computedTokens }
}

function findingsOf(name: BenchModelName, model: string, all: readonly Times[]): Findings {
  const columns = ['query tokens', 'calls', 'p50 s for all documents', 'time / one call', 'computed tokens']
  const rows = all.flatMap(({ queryTokens, together, alone, aloneKept, computedTogether, computedAlone }) => [
    [queryTokens, 'one call with all documents', median(together), 1, computedTogether],
    [queryTokens, 'one call per document, no cache', median(alone), medianRatio(alone, together), computedAlone],
    [queryTokens, 'one call per document, default caches', median(aloneKept), medianRatio(aloneKept, together), null]
  ])
  return {
    question: `How much does one call for all documents save over one call per document (${name})?`,
    settings: { model, documents: DOCUMENTS, document_tokens: DOCUMENT_TOKENS.join(' to '), rounds: all[0]?.together.length ?? 0 },
    tables: [{ title: 'POST /v1/rerank, the query as x (document_given_query)', columns, rows }],
    aims: all.map(({ queryTokens, together, alone }) => {
      const measured = medianRatio(alone, together)
      return {
        aim: `rerank, ${name}, a query of ${queryTokens} tokens: one call at least ${AIM} times as fast as one call per document`,
        measured,
        isMet: measured >= AIM
      }
    }),
    notes: [
      `Calls are sent one after another on one connection, and every round has different texts. With no cache between calls (\`--prefix-cache-bytes 0\`), ${ALONE[name]} documents are sent individually in each round and their time is scaled; otherwise all are sent.`,
      'The target is relative to calls with no cache between them. The tokens of the documents and their rows of the LM head are computed either way, so a shorter query leaves less to save.'
    ],
    figures: [
      {
        kind: 'bars',
        title: `${DOCUMENTS} documents for one query, ${name}`,
        unit: 'seconds',
        bars: rows.map(([queryTokens, calls, seconds]) => ({ label: `${queryTokens}: ${calls}`, value: seconds as number }))
      }
    ],
    samples: Object.fromEntries(
      all.flatMap(({ queryTokens, together, alone, aloneKept }) => [
        [`${queryTokens}, one call, s`, together],
        [`${queryTokens}, one call a document, nothing kept, s`, alone],
        [`${queryTokens}, one call a document, s`, aloneKept]
      ])
    )
  }
}
