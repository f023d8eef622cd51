import type { Worker } from 'node:worker_threads'
import { type ErrorCode, ServiceError } from '../errors.ts'

/** Every answer of a tokenizer thread has the id of its call; `failed` with null is about the thread itself. */
interface AnswerShape {
  readonly kind: string
  readonly id?: number | null
}
interface Failed {
  readonly kind: 'failed'
  readonly id: number | null
  readonly code: ErrorCode
  readonly message: string
}
interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: ServiceError) => void
}

/** Calls to a thread that answers each message once, and their ends should the thread end by itself. */
export class ThreadCalls<Request extends object, Answer extends AnswerShape> {
  readonly #worker: Worker
  readonly #onEnd: () => void
  readonly #waiting = new Map<number, Waiting<Answer>>()
  #lastId = 0
  #isOver = false

  constructor(worker: Worker, onEnd: () => void) {
    this.#worker = worker
    this.#onEnd = onEnd
    worker.on('message', (message: Answer | Failed) => this.#receive(message))
    worker.on('error', () => this.#end())
    worker.on('exit', () => this.#end())
  }

  /** Rejects with what the thread throws, and with `engine_unavailable` when it has ended. */
  ask(request: Request): Promise<Answer> {
    if (this.#isOver) return Promise.reject(ended())
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#worker.terminate()
  }

  #receive(message: Answer | Failed): void {
    const { id } = message
    if (id === undefined || id === null) return
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (isFailed(message)) waiting?.reject(new ServiceError(message.code, message.message))
    else waiting?.resolve(message)
  }

  #end(): void {
    if (!this.#isOver) this.#onEnd()
    this.#isOver = true
    for (const { reject } of this.#waiting.values()) reject(ended())
    this.#waiting.clear()
  }
}

function isFailed(message: AnswerShape): message is Failed {
  return message.kind === 'failed'
}

function ended(): ServiceError {
  return new ServiceError('engine_unavailable', 'the tokenizer thread has ended; the service has to be started again')
}
