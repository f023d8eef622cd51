import { benchModel } from './models/bench-model.ts'
import { deadlineAfter } from './support/budget.ts'
import { openClient } from './support/http-load.ts'
import { childPids, processMemory } from './support/process-memory.ts'
import type { Findings } from './support/result.ts'
import { startServer } from './support/server.ts'
import { median } from './support/statistics.ts'
import { mixedRequests } from './workloads/mixed-requests.ts'

const REQUESTS = 10_000
const CLIENTS = 8
const SAMPLE_EVERY = 50
const SECONDS = 420
const MIB = 2 ** 20
/** Share of the median of the first third. */
const AIM = 1.1
/** Small enough to fill during the first requests, so that later growth is a leak. */
const CACHE_BYTES = 8 * MIB

/** Whether the memory of front process and engine stays constant over thousands of requests of all kinds. */
export async function run(): Promise<Findings> {
  const model = benchModel('embedded')
  const server = await startServer(1, ['--prefix-cache-bytes', String(CACHE_BYTES), '--result-cache-bytes', String(CACHE_BYTES)])
  const client = openClient(server.address)
  const requests = mixedRequests(71, model.textVocabSize)
  const memory: { readonly done: number; readonly front: number; readonly engine: number }[] = []
  const counts = new Map<string, number>()
  const unexpected: string[] = []
  const sample = (done: number): void => {
    const resident = (pid: number): number => {
      const found = processMemory(pid)
      return found === null ? Number.NaN : (found.anonymousBytes + found.fileBytes) / MIB
    }
    memory.push({ done, front: resident(server.pid), engine: childPids(server.pid).reduce((sum, pid) => sum + resident(pid), 0) })
  }
  const deadline = deadlineAfter(SECONDS)
  let [sent, done] = [0, 0]
  const work = async (): Promise<void> => {
    while (sent < REQUESTS && !deadline.isOver()) {
      sent++
      const { kind, path, body, status } = requests.next()
      const answer = await client.post(path, body)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      if (answer.status !== status) unexpected.push(`${kind}: ${answer.status}`)
      if (++done % SAMPLE_EVERY === 0) sample(done)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, work))
  client.end()
  await server.close()

  const third = Math.floor(memory.length / 3)
  const parts = [memory.slice(0, third), memory.slice(third, -third), memory.slice(-third)]
  const medians = (pick: (entry: (typeof memory)[number]) => number): number[] => parts.map((part) => median(part.map(pick)))
  const rows = (['front', 'engine'] as const).map((process) => {
    const values = medians((entry) => entry[process])
    return [process, ...values, Math.max(...memory.map((entry) => entry[process])), (values[2] ?? Number.NaN) / (values[0] ?? Number.NaN)]
  })
  const growth = Math.max(...rows.map((row) => row.at(-1) as number))
  return {
    question: 'Does memory stay flat over 10,000 mixed requests?',
    settings: { model: model.name, requests: done, clients: CLIENTS, seconds_limit: SECONDS, prefix_and_result_cache_mib: CACHE_BYTES / MIB },
    tables: [
      { title: 'Resident memory, MiB (medians)', columns: ['process', 'first third', 'second third', 'last third', 'peak', 'last / first'], rows },
      { title: 'Requests', columns: ['kind', 'requests'], rows: [...counts].sort(([a], [b]) => (a < b ? -1 : 1)) }
    ],
    aims: [
      {
        aim: `memory of the last third at most ${AIM} times that of the first, over ${REQUESTS} mixed requests`,
        measured: growth,
        isMet: growth <= AIM && done === REQUESTS
      },
      { aim: 'mixed requests with an unexpected status', measured: unexpected.length, isMet: unexpected.length === 0 }
    ],
    notes: [
      `${done} of ${REQUESTS} requests were sent. The prefix cache and the result cache are limited to ${CACHE_BYTES / MIB} MiB each, so that they fill up early. By default they grow to 256 and 64 MiB.`,
      ...(unexpected.length === 0 ? [] : [`Unexpected: ${[...new Set(unexpected)].slice(0, 5).join(', ')}.`])
    ],
    figures: [
      {
        kind: 'lines',
        title: 'Resident memory over mixed requests',
        x: 'requests done',
        scale: 'linear',
        y: 'MiB',
        lines: (['front', 'engine'] as const).map((label) => ({ label, points: memory.map((entry): [number, number] => [entry.done, entry[label]]) }))
      }
    ],
    samples: { 'front, MiB': memory.map(({ front }) => Math.round(front)), 'engine, MiB': memory.map(({ engine }) => Math.round(engine)) }
  }
}
