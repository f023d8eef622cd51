import { availableParallelism } from 'node:os'
import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { RandomNormal } from './models/random-normal.ts'
import { deadlineAfter } from './support/budget.ts'
import { PROSE } from './support/prose.ts'
import type { Findings } from './support/result.ts'
import { type Server, startServer } from './support/server.ts'
import { flagIfKnown, hasFlag, turnFlags } from './support/server-flags.ts'
import { median, medianRatio } from './support/statistics.ts'

const DOCUMENTS = 100
const QUERY_TOKENS = 200
const DOCUMENT_TOKENS = [20, 60] as const
const ROUNDS = 5
const SECONDS = { gpt2: 60, embedded: 20 } as const
/** Documents that are sent alone in a round; the time is scaled. */
const ALONE = { gpt2: 20, embedded: 50 } as const
const AIM = 5

interface Texts {
  readonly query: string
  readonly documents: readonly string[]
}

/** 100 documents for one query: in one call, and one call after the other. */
export async function run(name: BenchModelName): Promise<Findings> {
  const model = benchModel(name)
  const flags = ['--model', model.folder, ...turnFlags(availableParallelism())]
  const server = await startServer(1, flags)
  const forgetful = hasFlag('prefix-cache-bytes') ? await startServer(1, [...flags, ...flagIfKnown('prefix-cache-bytes', 0)]) : server
  const texts = await textMaker(server)
  const times = { together: [] as number[], alone: [] as number[], forgetful: [] as number[] }
  const tokens = { together: 0, alone: 0 }
  const alone = ALONE[name]
  await rerank(server, texts.next())
  const deadline = deadlineAfter(SECONDS[name])
  for (let round = 0; round < ROUNDS && (round < 2 || !deadline.isOver()); round++) {
    // Other texts each time, so that nobody has seen any of them.
    const together = await rerank(server, texts.next())
    times.together.push(together.seconds)
    tokens.together = together.computedTokens
    const kept = await oneByOne(server, texts.next(), alone)
    times.alone.push((kept.seconds * DOCUMENTS) / alone)
    const plain = forgetful === server ? kept : await oneByOne(forgetful, texts.next(), alone)
    times.forgetful.push((plain.seconds * DOCUMENTS) / alone)
    tokens.alone = (plain.computedTokens * DOCUMENTS) / alone
  }
  await Promise.all([server.close(), ...(forgetful === server ? [] : [forgetful.close()])])

  const factor = medianRatio(times.forgetful, times.together)
  const row = (label: string, seconds: readonly number[], computed: number | null) => [label, median(seconds), medianRatio(seconds, times.together), computed]
  return {
    question: `What does one call for all documents save over one call for each, ${name}?`,
    settings: {
      model: model.name,
      documents: DOCUMENTS,
      query_tokens: QUERY_TOKENS,
      document_tokens: DOCUMENT_TOKENS.join(' to '),
      rounds: times.together.length
    },
    tables: [
      {
        title: 'POST /v1/rerank, the query as x (document_given_query)',
        columns: ['calls', 'p50 s for all documents', 'time / one call', 'computed tokens'],
        rows: [
          row('one call with all documents', times.together, tokens.together),
          row('one call a document, prefix cache off', times.forgetful, tokens.alone),
          row('one call a document, prefix cache as it is by default', times.alone, null)
        ]
      }
    ],
    aims: [{ aim: `rerank, ${name}: one call at least ${AIM} times as fast as one call a document`, measured: factor, isMet: factor >= AIM }],
    notes: [
      `Calls follow each other on one connection. Of one call a document, ${alone} documents are sent in each round and their time is scaled. Every round has other texts.`,
      'The aim is against calls between which nothing is kept, as they are with a model without keys and values to keep.'
    ],
    figures: [
      {
        kind: 'bars',
        title: `${DOCUMENTS} documents for one query, ${name}`,
        unit: 'time, one call = 1',
        bars: [
          { label: 'one call with all documents', value: 1 },
          { label: 'one call a document, prefix cache off', value: factor },
          { label: 'one call a document, by default', value: medianRatio(times.alone, times.together) }
        ]
      }
    ],
    samples: { 'one call, s': times.together, 'one call a document, cache off, s': times.forgetful, 'one call a document, s': times.alone }
  }
}

async function rerank(server: Server, { query, documents }: Texts): Promise<{ seconds: number; computedTokens: number }> {
  const began = performance.now()
  const answer = JSON.parse(await server.post('/v1/rerank', JSON.stringify({ query, documents }))) as { usage?: { computed_tokens?: number } }
  return { seconds: (performance.now() - began) / 1000, computedTokens: answer.usage?.computed_tokens ?? Number.NaN }
}

async function oneByOne(server: Server, { query, documents }: Texts, count: number): Promise<{ seconds: number; computedTokens: number }> {
  let [seconds, computedTokens] = [0, 0]
  for (const document of documents.slice(0, count)) {
    const one = await rerank(server, { query, documents: [document] })
    seconds += one.seconds
    computedTokens += one.computedTokens
  }
  return { seconds, computedTokens }
}

/** Texts of words in random order, cut to their lengths by the service's own tokenizer. */
async function textMaker(server: Server): Promise<{ next(): Texts }> {
  const random = new RandomNormal(21)
  const words = PROSE.split(' ')
  const sizes = await Promise.all(
    [...new Set(words)].map(async (word): Promise<[string, number]> => {
      const { count } = JSON.parse(await server.post('/tokenize', JSON.stringify({ prompt: ` ${word}`, add_special_tokens: false }))) as { count: number }
      return [word, count]
    })
  )
  const text = (tokens: number): string => {
    const taken: string[] = []
    for (let length = 0; length < tokens; ) {
      const [word, size] = sizes[random.integer(sizes.length)]!
      taken.push(word)
      length += size
    }
    return taken.join(' ')
  }
  const between = ([least, most]: readonly [number, number]): number => least + random.integer(most - least + 1)
  return {
    next: () => ({ query: text(QUERY_TOKENS), documents: Array.from({ length: DOCUMENTS }, () => text(between(DOCUMENT_TOKENS))) })
  }
}
