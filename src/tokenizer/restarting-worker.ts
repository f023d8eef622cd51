import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import type { FromTokenizer, TokenizerReady, TokenizerThreadData, ToTokenizer } from './thread-messages.ts'

/** A thread that ends again within this time, in milliseconds, is not started again. */
const MIN_LIFE_MS = 600_000

interface Listener {
  onAnswer(message: Exclude<FromTokenizer, { kind: 'ready' }>): void
  /** The thread is gone, with all messages that it has not answered. A new one is being started. */
  onDown(): void
  onUp(): void
  /** The thread is gone for good. */
  onFailed(): void
}

/**
 * A tokenizer thread that is started again when it ends: by itself, once in ten minutes, or by `restart`. The new
 * thread must have loaded the same files.
 */
export class RestartingWorker {
  readonly #data: TokenizerThreadData
  readonly #listener: Listener
  readonly #entry: URL
  #worker: Worker | null = null
  #filesSha256: string | null = null
  #lastDeathAtMs = Number.NEGATIVE_INFINITY
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
    const isFirst = nowMs - this.#lastDeathAtMs > MIN_LIFE_MS
    this.#lastDeathAtMs = nowMs
    if (isFirst) this.#startAgain()
    else this.#fail()
  }

  #startAgain(): void {
    this.#listener.onDown()
    this.start().then(
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
