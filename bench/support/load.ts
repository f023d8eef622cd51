import { RandomNormal } from '../models/random-normal.ts'
import { PROSE } from './prose.ts'
import type { Client } from './server.ts'

/** Length of a text in characters, log-uniform: about 4 to 400 tokens. */
export const SHORTEST = 16
export const LONGEST = 1600

/**
 * Each client sends its next pair, with the given fields, as soon as it has a response. Returns all latencies, ms.
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

/** A random passage, split in two at a space if it has one. */
function randomPair(random: RandomNormal): { x: string; y: string } {
  const share = random.integer(1001) / 1000
  const length = Math.round(SHORTEST * (LONGEST / SHORTEST) ** share)
  const start = random.integer(PROSE.length)
  const text = PROSE.repeat(4).slice(start, start + length)
  const cut = text.indexOf(' ', Math.floor(text.length / 2))
  return cut < 1 ? { x: '', y: text } : { x: text.slice(0, cut), y: text.slice(cut) }
}
