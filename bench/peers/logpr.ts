import { LOGPR_VERSION, ONNXRUNTIME_VERSION } from '../../src/process/package-info.ts'
import type { BenchModel } from '../models/bench-model.ts'
import { startServer } from '../support/server.ts'
import { turnFlags } from '../support/server-flags.ts'
import type { Item } from '../workloads/item.ts'
import type { Contestant } from './contestant.ts'

/** logpr as users run it: a server in its own process and one request for all items. The whole response is read. */
export async function startLogpr({ folder }: BenchModel, threads: number, flags: readonly string[] = [], name = 'logpr over HTTP'): Promise<Contestant> {
  const server = await startServer(1, ['--model', folder, ...turnFlags(threads), ...flags])
  return {
    name,
    versions: `logpr ${LOGPR_VERSION}, onnxruntime ${ONNXRUNTIME_VERSION}`,
    isSlow: false,
    async score(items) {
      const pairs = groupedByContext(items)
      const began = performance.now()
      const body = JSON.stringify({ pairs: pairs.map(({ x, y }) => ({ x, y })), prefix_token: 'none', terms: ['conditional'] })
      const { results } = JSON.parse(await server.post('/v1/logprob', body)) as { results: readonly ResultLine[] }
      const seconds = (performance.now() - began) / 1000
      return {
        seconds,
        sums: sumsOf(
          results,
          pairs.flatMap(({ places }) => places)
        )
      }
    },
    close: () => server.close()
  }
}

interface ResultLine {
  readonly log_prob?: { readonly conditional: number }
  readonly error?: { readonly code: string; readonly message: string }
}

/** Consecutive items with the same context become one x with several y. */
function groupedByContext(items: readonly Item[]): { readonly x: readonly number[]; readonly y: (readonly number[])[]; readonly places: number[] }[] {
  const groups: { readonly x: readonly number[]; readonly y: (readonly number[])[]; readonly places: number[] }[] = []
  items.forEach(({ context, continuation }, place) => {
    const last = groups.at(-1)
    if (last?.x === context) {
      last.y.push(continuation)
      last.places.push(place)
    } else groups.push({ x: context, y: [continuation], places: [place] })
  })
  return groups
}

function sumsOf(results: readonly ResultLine[], places: readonly number[]): number[] {
  const sums = new Array<number>(places.length).fill(Number.NaN)
  results.forEach(({ log_prob: logProb, error }, i) => {
    if (logProb === undefined) throw new Error(`item ${i} failed: ${error?.code} ${error?.message}`)
    sums[places[i] ?? 0] = logProb.conditional
  })
  return sums
}
