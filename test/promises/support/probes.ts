import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { pause } from '../../support/running-service.ts'

export interface ProbeFigures {
  readonly count: number
  readonly failed: number
  readonly p99Ms: number
  readonly worstMs: number
}

export interface Probes {
  /** The figures since the last call, when all probes have been answered. */
  take(): Promise<ProbeFigures>
  end(): void
}

/** Probes `paths` in turn. */
export function startProbes(url: string, paths: readonly string[], everyMs: number): Probes {
  const worker = new Worker(new URL('./probe-thread.js', import.meta.url), { workerData: { url, paths, everyMs } })
  const figures = async (): Promise<{ latenciesMs: number[]; failed: number; open: number }> => {
    const answer = once(worker, 'message') as Promise<[{ latenciesMs: number[]; failed: number; open: number }]>
    worker.postMessage('take')
    return (await answer)[0]
  }
  return {
    async take() {
      // A probe that is still open is one that waits.
      await pause(300)
      const { latenciesMs, failed } = await figures()
      const sorted = latenciesMs.sort((a, b) => a - b)
      return {
        count: sorted.length,
        failed,
        p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY,
        worstMs: sorted.at(-1) ?? Number.POSITIVE_INFINITY
      }
    },
    end: () => worker.postMessage('end')
  }
}
