import { PROSE } from '../support/prose.ts'
import { RandomIds } from './random-ids.ts'

export interface MixedRequest {
  readonly kind: string
  readonly path: string
  readonly body: string
  readonly status: number
}

/** Requests to every scoring endpoint in all sizes, some of them invalid, from a seed. */
export function mixedRequests(seed: number, vocabSize: number): { next(): MixedRequest } {
  const random = new RandomIds(seed, vocabSize)
  const text = (most: number): string => {
    const start = random.between(0, PROSE.length - most - 1)
    return PROSE.slice(start, start + random.between(8, most)).trim() || 'a'
  }
  // Most are short; some fill the context.
  const length = (): number => 2 ** random.between(2, random.between(4, 8))
  const many = (most: number): number => random.between(1, most)
  const kinds: Readonly<Record<string, () => readonly [path: string, body: object, status?: number]>> = {
    'pairs of ids': () => ['/v1/logprob', { pairs: Array.from({ length: many(4) }, () => ({ x: random.ids(length()), y: random.ids(many(16)) })) }],
    'one x, many y': () => ['/v1/logprob', { x: text(400), y: Array.from({ length: many(8) }, () => ` ${text(24)}`), terms: ['conditional'] }],
    'every token': () => ['/v1/logprob', { x: text(200), y: ` ${text(80)}`, detail: 'tokens', top_logprobs: 5 }],
    completion: () => ['/v1/completions', { prompt: random.ids(length()), max_tokens: 1, logprobs: 1, echo: true, temperature: 0 }],
    rerank: () => ['/v1/rerank', { query: text(200), documents: Array.from({ length: many(6) }, () => text(80)) }],
    loss: () => ['/v1/loss', { x: text(200), y: ` ${text(80)}` }],
    tokenize: () => ['/tokenize', { prompt: text(800) }],
    invalid: () => ['/v1/logprob', { x: text(40), z: 1 }, 400]
  }
  const names = Object.keys(kinds)
  return {
    next() {
      const kind = names[random.between(0, names.length - 1)] ?? 'loss'
      const [path, body, status = 200] = kinds[kind]?.() ?? ['/livez', {}]
      return { kind, path, body: JSON.stringify(body), status }
    }
  }
}
