import { RandomNormal } from '../models/random-normal.ts'
import { PROSE } from './prose.ts'
import type { Client } from './server.ts'

/** Characters of a text, spread evenly over the logarithm: some 4 to 400 tokens. */
export const SHORTEST = 16
export const LONGEST = 1600

/**
 * Each client sends its next pair, with these fields beside it, as soon as it has an answer; latencies of all answers, ms.
 */
export async function saturate(server: Client, clients: number, seconds: number, fields: Readonly<Record<string, string>> = {}): Promise<number[]> {
  const until = performance.now() + 1000 * seconds
  const latencies: number[] = []
  const client = async (seed: number): Promise<void> => {
    const random = new RandomNormal(seed)
    while (performance.now() < until) {
      const body = JSON.stringify({ ...fields, ...randomPair(random) })
      const began = performance.now()
      await server.post('/v1/logprob', body)
      latencies.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, seed) => client(seed)))
  return latencies
}

/** A passage of random place and length, cut in two at a space where there is one. */
function randomPair(random: RandomNormal): { x: string; y: string } {
  const share = random.integer(1001) / 1000
  const length = Math.round(SHORTEST * (LONGEST / SHORTEST) ** share)
  const start = random.integer(PROSE.length)
  const text = PROSE.repeat(4).slice(start, start + length)
  const cut = text.indexOf(' ', Math.floor(text.length / 2))
  return cut < 1 ? { x: '', y: text } : { x: text.slice(0, cut), y: text.slice(cut) }
}
