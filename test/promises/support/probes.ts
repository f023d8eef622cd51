import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { pause } from '../../support/running-service.ts'

export interface ProbeFigures {
  readonly latenciesMs: readonly number[]
  readonly failed: number
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
      return { latenciesMs, failed, worstMs: latenciesMs.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...latenciesMs) }
    },
    end: () => worker.postMessage('end')
  }
}
