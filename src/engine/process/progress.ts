import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Heartbeat } from '../protocol.ts'

/** Places in the memory that the main thread shares with the watch thread. */
export const PROGRESS = { tasks: 0, turns: 1, length: 2 } as const

/** What the watch thread is started with. */
export interface WatchData extends Heartbeat {
  readonly progress: Int32Array
}

/** Shows the watch thread whether the main thread makes progress: it computes, or its event loop turns. */
export class Progress {
  readonly #shared = new Int32Array(new SharedArrayBuffer(PROGRESS.length * Int32Array.BYTES_PER_ELEMENT))

  /** Starts the watch thread, which runs while the main thread is blocked. */
  watch(heartbeat: Heartbeat): void {
    // Twice per beat, so that each beat finds a turn.
    setInterval(() => Atomics.add(this.#shared, PROGRESS.turns, 1), heartbeat.intervalMs / 2).unref()
    const workerData: WatchData = { ...heartbeat, progress: this.#shared }
    new Worker(new URL(`./watch${extname(import.meta.url)}`, import.meta.url), { workerData }).unref()
  }

  /** For a task that blocks the main thread. Limits of the front end it if it takes too long. */
  async during<T>(task: () => Promise<T>): Promise<T> {
    Atomics.add(this.#shared, PROGRESS.tasks, 1)
    try {
      return await task()
    } finally {
      Atomics.sub(this.#shared, PROGRESS.tasks, 1)
    }
  }
}
