import { availableParallelism } from 'node:os'
import { type BenchModel, benchModel, servedGpt2 } from './models/bench-model.ts'
import { startLogpr } from './peers/logpr.ts'
import { deadlineAfter } from './support/budget.ts'
import type { Findings } from './support/result.ts'
import { median } from './support/statistics.ts'
import { fedTokens, type Item } from './workloads/item.ts'
import { pairSlices } from './workloads/pairs.ts'
import { RandomIds } from './workloads/random-ids.ts'

const ROUNDS = 5
const SECONDS = 45
/** Number of scored rows where another dimension grows. */
const CONTINUATION_TOKENS = 16

/** One size: the model and the batches of each round. */
interface Step {
  readonly size: number
  readonly model: BenchModel
  items(round: number): readonly Item[]
}

/** Time per token against the number of pairs in a request. */
export function pairs(): Promise<Findings> {
  const model = benchModel('embedded')
  const steps = [1, 2, 4, 8].map(
    (times): Step => ({
      size: 16 * times,
      model,
      items: (round) => pairSlices(81 + 16 * round + times, model.textVocabSize, 16 * times, 1)[0]?.items ?? []
    })
  )
  return grow('How does the cost per token grow with the number of pairs in a request?', 'pairs per request', steps)
}

/** Time per token against the length of a text. */
export function context(): Promise<Findings> {
  const model = servedGpt2({ layers: 4, hidden: 768, heads: 12, vocab: 4096, positions: 2048 })
  const steps = [128, 256, 512, 1024, 2047].map((tokens): Step => ({ size: tokens, model, items: (round) => [textOf(model, tokens, 1000 * round + tokens)] }))
  return grow('How does the cost per token grow with the length of the text?', 'tokens per text', steps)
}

/** Time per token against the size of the vocabulary. */
export function vocabulary(): Promise<Findings> {
  const steps = [4096, 16_384, 50_257, 150_000].map((vocab): Step => {
    const model = servedGpt2({ layers: 2, hidden: 768, heads: 12, vocab, positions: 1024 })
    return { size: vocab, model, items: (round) => Array.from({ length: 4 }, (_, i) => textOf(model, 256, 1000 * round + 10 * i + vocab)) }
  })
  return grow('How does the cost per token grow with the size of the vocabulary?', 'vocabulary size', steps)
}

function textOf(model: BenchModel, tokens: number, seed: number): Item {
  const random = new RandomIds(seed, model.textVocabSize)
  return { context: random.begun(tokens - CONTINUATION_TOKENS), continuation: random.ids(CONTINUATION_TOKENS) }
}

async function grow(question: string, axis: string, steps: readonly Step[]): Promise<Findings> {
  const threads = availableParallelism()
  const services = new Map<BenchModel, Awaited<ReturnType<typeof startLogpr>>>()
  for (const { model } of steps) if (!services.has(model)) services.set(model, await startLogpr(model, threads))
  const microseconds = steps.map((): number[] => [])
  const deadline = deadlineAfter(SECONDS)
  for (let round = -1; round < ROUNDS && (round < 2 || !deadline.isOver()); round++) {
    for (const [i, step] of steps.entries()) {
      const items = step.items(round + 1)
      const { seconds } = await services.get(step.model)!.score(items)
      // The first round is a warm-up.
      if (round >= 0) microseconds[i]?.push((1e6 * seconds) / fedTokens(items))
    }
  }
  await Promise.all([...services.values()].map((service) => service.close()))
  const first = median(microseconds[0] ?? [])
  const names = [...new Set(steps.map(({ model }) => model.name))]
  return {
    question,
    settings: { model: names.join(', '), threads, rounds: microseconds[0]?.length ?? 0 },
    tables: [
      {
        title: 'logpr over HTTP, one request at a time',
        columns: [axis, 'tokens per request', 'microseconds per token p50', 'tokens/s', 'cost per token / first size'],
        rows: steps.map((step, i) => {
          const middle = median(microseconds[i] ?? [])
          return [step.size, fedTokens(step.items(0)), middle, 1e6 / middle, middle / first]
        })
      }
    ],
    aims: [],
    notes: ['Each round measures every size; each request has different texts.'],
    figures: [
      {
        kind: 'lines',
        title: question,
        x: axis,
        scale: 'logarithmic',
        y: 'microseconds per token',
        lines: [{ label: 'logpr over HTTP', points: steps.map(({ size }, i): [number, number] => [size, median(microseconds[i] ?? [])]) }]
      }
    ],
    samples: Object.fromEntries(steps.map(({ size }, i) => [`${size}, microseconds a token`, microseconds[i] ?? []]))
  }
}
