import { extname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../../errors.ts'
import type { FromTokenizer, TokenizerReady, TokenizerThreadData, ToTokenizer } from './thread-messages.ts'

/** Deaths within `WINDOW_MS` after which the thread is not started again. One alone may be the fault of a text. */
const MAX_DEATHS = 5
const WINDOW_MS = 600_000
/** Pause before the second start in a window; it doubles with each further one. */
const FIRST_PAUSE_MS = 200

interface Listener {
  onAnswer(message: Exclude<FromTokenizer, { kind: 'ready' }>): void
  /** The thread is gone, with all messages that it has not answered. A new one is being started. */
  onDown(): void
  onUp(): void
  /** The thread is gone for good. */
  onFailed(): void
}

/**
 * A tokenizer thread that is started again when it ends: by itself, up to four times in ten minutes, or by `restart`.
 * The new thread must have loaded the same files.
 */
export class RestartingWorker {
  readonly #data: TokenizerThreadData
  readonly #listener: Listener
  readonly #entry: URL
  #worker: Worker | null = null
  #filesSha256: string | null = null
  #deathsAtMs: readonly number[] = []
  #isClosed = false

  constructor(data: TokenizerThreadData, listener: Listener, entry = new URL(`./thread-entry${extname(import.meta.url)}`, import.meta.url)) {
    this.#data = data
    this.#listener = listener
    this.#entry = entry
  }

  /** Throws `model_invalid` if the tokenizer cannot be loaded, or if its files have changed since the first start. */
  async start(): Promise<TokenizerReady> {
    const worker = new Worker(this.#entry, { workerData: this.#data })
    this.#worker = worker
    const first = await firstMessage(worker)
    if (first.kind !== 'ready') {
      this.#worker = null
      await worker.terminate()
      throw new ServiceError(
        'model_invalid',
        first.kind === 'failed' ? `the tokenizer could not be loaded: ${first.message}` : 'the tokenizer thread did not start'
      )
    }
    this.#filesSha256 ??= first.filesSha256
    if (first.filesSha256 !== this.#filesSha256) {
      this.#worker = null
      await worker.terminate()
      throw new ServiceError('model_invalid', 'the files of the tokenizer have changed since the service was started: restart it')
    }
    if (this.#isClosed) await worker.terminate()
    worker.on('message', (message: FromTokenizer) => {
      if (message.kind !== 'ready' && worker === this.#worker) this.#listener.onAnswer(message)
    })
    worker.on('error', () => this.#died(worker))
    worker.on('exit', () => this.#died(worker))
    return first
  }

  post(message: ToTokenizer): void {
    this.#worker?.postMessage(message)
  }

  /** Replaces the thread, which may be busy with a text that nobody waits for. */
  restart(): void {
    const worker = this.#worker
    this.#worker = null
    void worker?.terminate()
    this.#startAgain()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  #died(worker: Worker): void {
    if (worker !== this.#worker) return
    this.#worker = null
    const nowMs = performance.now()
    this.#deathsAtMs = [...this.#deathsAtMs.filter((atMs) => nowMs - atMs <= WINDOW_MS), nowMs]
    const deaths = this.#deathsAtMs.length
    if (deaths >= MAX_DEATHS) this.#fail()
    else this.#startAgain(deaths === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (deaths - 2))
  }

  #startAgain(pauseMs = 0): void {
    this.#listener.onDown()
    const started = pauseMs === 0 ? this.start() : pause(pauseMs).then(() => this.start())
    started.then(
      () => {
        if (!this.#isClosed) this.#listener.onUp()
      },
      () => this.#fail()
    )
  }

  #fail(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listener.onFailed()
  }
}

function firstMessage(worker: Worker): Promise<FromTokenizer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new ServiceError('model_invalid', 'the tokenizer thread ended before it had started')))
  })
}
