import type { CacheTensor } from '../src/engine/process/prefix-cache/cache-tensor.ts'
import { type ComputedColumns, PrefixCache, tokenBytes } from '../src/engine/process/prefix-cache/prefix-cache.ts'
import { PrefixHistory } from '../src/engine/process/prefix-cache/prefix-history.ts'
import type { Findings } from './support/result.ts'
import { median, quantile } from './support/statistics.ts'

const LAYERS = 12
const HEADS = 12
const SIZE = 64
const TOKENS = 800
const ROUNDS = 21
const AIM_MS = 50
const PIECES = [1, 2, 8, 32]
const CHURN_MIB = 256
const CHURN_ROUNDS = 100

/** GPT-2 124M: 73,728 bytes per token. */
const TENSORS: readonly CacheTensor[] = Array.from({ length: 2 * LAYERS }, (_, t) => ({ past: `past.${t}`, heads: HEADS, size: SIZE, elementBytes: 4 }))

/** Cost of the prefix cache's copies, compared with the pass that they save. */
export async function run(): Promise<Findings> {
  const samples: Record<string, number[]> = {}
  const time = (name: string, work: () => unknown): void => {
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    work()
    const { user, system } = process.cpuUsage(cpu)
    for (const [kind, ms] of [
      ['wall', performance.now() - began],
      ['CPU', (user + system) / 1000]
    ] as const) {
      const list = samples[`${name}, ${kind} ms`] ?? []
      samples[`${name}, ${kind} ms`] = list
      list.push(ms)
    }
  }
  const pass = computed(TOKENS)
  const other = idsOf(1)
  for (let round = 0; round < ROUNDS; round++) {
    for (const pieces of PIECES) {
      const cache = new PrefixCache(TENSORS, 2 ** 30)
      time(`write ${(TOKENS * 4 * LAYERS * 2 * HEADS * SIZE) / 1e6} MB where nothing was written before`, () => {
        for (let t = 0; t < TENSORS.length; t++) new Float32Array(HEADS * TOKENS * SIZE).set(pass.present.get('past.0') as Float32Array)
      })
      const ids = idsOf(0)
      for (let piece = 1; piece <= pieces; piece++) cache.insert(ids, { ...pass, columns: pass.columns.subarray(0, (TOKENS * piece) / pieces) }, null)
      const match = cache.match(ids, TOKENS)
      if (pieces === 1) time(`assemble ${TOKENS - 1} tokens, the first of all`, () => cache.assemble(match, TOKENS - 1))
      cache.assemble(match, TOKENS - 2)
      time(`assemble ${TOKENS - 1} tokens of ${pieces} runs`, () => cache.assemble(match, TOKENS - 1))
      if (pieces > 1) continue
      time('assemble the same again', () => cache.assemble(match, TOKENS - 1))
      time(`assemble ${TOKENS} tokens, a whole run`, () => cache.assemble(match, TOKENS))
      time(`find ${TOKENS} tokens`, () => cache.match(ids, TOKENS))
      time(`store ${TOKENS} tokens`, () => cache.insert(other, pass, null))
      const parted = idsOf(0)
      parted[TOKENS / 2] = 9
      time(`part a run of ${TOKENS} tokens, add 1`, () => cache.insert(parted, { ...pass, columns: pass.columns.subarray(0, TOKENS / 2 + 1) }, null))
    }
  }
  const seen = new PrefixHistory(2 ** 22)
  for (let i = 0; i < 4000; i++) {
    const ids = idsOf(i % 1500)
    if (i < 2000) seen.note(ids)
    else time(`note ${TOKENS} tokens among 4 MiB of ids`, () => seen.note(ids))
  }
  const { limitMiB, grownMiB } = await churn(pass)
  const names = Object.keys(samples).flatMap((name) => (name.endsWith(', wall ms') ? [name.slice(0, -', wall ms'.length)] : []))
  const slowest = Math.max(...PIECES.map((pieces) => median(samples[`assemble ${TOKENS - 1} tokens of ${pieces} runs, CPU ms`]!)))
  return {
    question: 'How much do the copies of the prefix cache cost?',
    settings: { layers: LAYERS, heads: HEADS, head_size: SIZE, tokens: TOKENS, bytes_a_token: tokenBytes(TENSORS), rounds: ROUNDS },
    tables: [
      {
        title: 'Keys and values of a GPT-2 of 124M, no model running',
        columns: ['what', 'wall p50 ms', 'wall p90 ms', 'CPU p50 ms'],
        rows: names.map((name) => [
          name,
          median(samples[`${name}, wall ms`]!),
          quantile(samples[`${name}, wall ms`]!, 0.9),
          median(samples[`${name}, CPU ms`]!)
        ])
      },
      {
        title: `${CHURN_ROUNDS} prefixes of ${TOKENS} tokens through a cache that holds four`,
        columns: ['limit MiB', 'most resident memory above the start MiB'],
        rows: [[limitMiB, grownMiB]]
      }
    ],
    aims: [{ aim: `assembling ${TOKENS} cached tokens takes less than ${AIM_MS} ms of CPU time`, measured: slowest, isMet: slowest < AIM_MS }],
    notes: ['Each assembly but the named ones is the first of its prefix, in memory that was used for another one: a copy for every tensor, head and run.'],
    samples
  }
}

/**
 * Passes far more than the limit through the cache and assembles a prefix each time, since the garbage collector
 * decides when arrays are freed.
 */
async function churn(pass: ComputedColumns): Promise<{ limitMiB: number; grownMiB: number }> {
  const cache = new PrefixCache(TENSORS, CHURN_MIB * 2 ** 20)
  const start = process.memoryUsage().rss
  let most = start
  for (let round = 0; round < CHURN_ROUNDS; round++) {
    const ids = idsOf(round)
    cache.insert(ids, pass, null)
    cache.assemble(cache.match(ids, TOKENS), TOKENS - 1)
    // A turn of the event loop frees arrays, as between two batches.
    await new Promise((done) => setImmediate(done))
    most = Math.max(most, process.memoryUsage().rss)
  }
  return { limitMiB: CHURN_MIB, grownMiB: (most - start) / 2 ** 20 }
}

function computed(width: number): ComputedColumns {
  const elements = new Float32Array(HEADS * width * SIZE).fill(0.5)
  return { from: 0, columns: Int32Array.from({ length: width }, (_, i) => i), present: new Map(TENSORS.map(({ past }) => [past, elements])) }
}

/** Sequences that differ from their first token on but have the same cache values. */
function idsOf(kind: number): Int32Array {
  return Int32Array.from({ length: TOKENS }, (_, i) => 1000 + kind * 7 + i)
}
