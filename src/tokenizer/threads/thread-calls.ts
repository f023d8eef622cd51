import { ServiceError } from '../../errors.ts'
import { FairTurns } from '../../scheduling/fair-turns.ts'
import type { JsonValue, TokenizingTerms } from '../tokenizer.ts'
import { RestartingWorker } from './restarting-worker.ts'
import type { AnswerOf, FromTokenizer, TokenizerAnswer, TokenizerReady, TokenizerThreadData, ToTokenizer, WithoutId } from './thread-messages.ts'

/** UTF-16 units that are sent to the thread at once: 10 to 20 ms of work. */
export const PORTION_UNITS = 16_384
/**
 * Bytes of one conversation, which is tokenized at once: as much as the default limit of one text. The tokens of more
 * would take more memory than the heap of a small container has.
 */
const MAX_CONVERSATION_BYTES = 8_388_608
/** How long a portion may go on after nobody waits for it, in milliseconds. Then the thread is replaced. */
const ABANDONED_MS = 1000
/** Until some text was tokenized. */
const FIRST_UNITS_PER_MS = 500

interface Call {
  readonly message: ToTokenizer
  readonly units: number
  readonly client: string
  readonly resolve: (answer: TokenizerAnswer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Calls to a tokenizer thread. Clients take fair turns by the length of their texts; the calls of one client run in
 * order. A call ends at once when its signal aborts: one that waits is dropped, and a thread that is busy with an
 * abandoned text for a second is replaced.
 */
export class ThreadCalls {
  readonly #worker: RestartingWorker
  readonly #maxUnits: number
  readonly #turns = new FairTurns<string>()
  readonly #waiting = new Map<string, Call[]>()
  /** Sent to the thread, which answers in order. */
  #running: Call[] = []
  readonly #abandoned = new WeakSet<Call>()
  #startedAtMs = 0
  #unitsPerMs = FIRST_UNITS_PER_MS
  #reservedUnits = 0
  #lastId = 0
  #isUp = true
  #hasEnded = false

  /** `onEnd` is called if the thread has ended for good. `maxUnits` bounds the texts that wait. */
  constructor(data: TokenizerThreadData, maxUnits: number, onEnd: () => void, entry?: URL) {
    this.#maxUnits = maxUnits
    this.#worker = new RestartingWorker(
      data,
      {
        onAnswer: (message) => this.#receive(message),
        onDown: () => this.#down(),
        onUp: () => {
          this.#isUp = true
          this.#next()
        },
        onFailed: () => {
          this.#end()
          onEnd()
        }
      },
      entry
    )
  }

  /** Throws `model_invalid` if the tokenizer cannot be loaded. */
  start(): Promise<TokenizerReady> {
    return this.#worker.start()
  }

  /**
   * Counts the texts of a request as waiting until the returned function is called. Throws `too_many_requests` when
   * others wait and there is no room; a request alone may have any length.
   */
  reserve(units: number): () => void {
    if (this.#reservedUnits > 0 && this.#reservedUnits + units > this.#maxUnits)
      throw new ServiceError(
        'too_many_requests',
        `${this.#reservedUnits} characters wait to be tokenized, and ${units} more would exceed the limit of ${this.#maxUnits} (max-tokenizing-units); retry later`,
        { retryAfterSeconds: Math.min(60, Math.max(1, Math.ceil(this.#reservedUnits / this.#unitsPerMs / 1000))) }
      )
    this.#reservedUnits += units
    return () => {
      this.#reservedUnits -= units
    }
  }

  /**
   * Rejects with the error that the thread reports, with the reason of the signal, and with `engine_unavailable` if the
   * thread ends during the call.
   */
  async ask<Kind extends TokenizerAnswer['kind']>(
    kind: Kind,
    request: WithoutId<ToTokenizer>,
    units: number,
    { signal, client = '' }: TokenizingTerms
  ): Promise<AnswerOf<Kind>> {
    if (this.#hasEnded) throw ended()
    signal?.throwIfAborted()
    assertConversationFits(request)
    const answer = await new Promise<TokenizerAnswer>((resolve, reject) => {
      const abort = (): void => this.#abandon(call, signal?.reason)
      const settled = <T>(settle: (value: T) => void) => {
        return (value: T): void => {
          signal?.removeEventListener('abort', abort)
          settle(value)
        }
      }
      const message = { ...request, id: ++this.#lastId } as ToTokenizer
      const call: Call = { message, units, client, resolve: settled(resolve), reject: settled(reject) }
      signal?.addEventListener('abort', abort, { once: true })
      this.#enqueue(call, 'last')
      this.#next()
    })
    if (answer.kind !== kind) throw new Error(`the tokenizer thread answered ${request.kind} with ${answer.kind} instead of ${kind}: report a bug`)
    return answer as AnswerOf<Kind>
  }

  async close(): Promise<void> {
    this.#end()
    await this.#worker.close()
  }

  #next(): void {
    while (this.#isUp && !this.#hasEnded && !this.#turns.isEmpty) {
      // The client of a running call keeps its place until the call ends, so that what it was charged counts.
      const client = this.#turns.inOrder().find((each) => this.#waiting.has(each)) ?? ''
      const call = this.#waiting.get(client)?.[0]
      const sentUnits = this.#running.reduce((sum, { units }) => sum + units, 0)
      if (call === undefined || (this.#running.length > 0 && sentUnits + call.units > PORTION_UNITS)) return
      this.#turns.serve(client)
      this.#turns.charge(client, call.units)
      if (this.#running.length === 0) this.#startedAtMs = performance.now()
      this.#running.push(call)
      this.#removeWaiting(call)
      this.#worker.post(call.message)
    }
  }

  #receive(message: Exclude<FromTokenizer, { kind: 'ready' }>): void {
    const at = this.#running.findIndex((call) => call.message.id === message.id)
    const [call] = at === -1 ? [] : this.#running.splice(at, 1)
    if (call === undefined) return
    this.#leaveIfIdle(call.client)
    this.#observe(call.units)
    this.#next()
    if (message.kind === 'failed') call.reject(new ServiceError(message.code, message.message, message.param === undefined ? {} : { param: message.param }))
    else call.resolve(message)
  }

  #observe(units: number): void {
    const nowMs = performance.now()
    const tookMs = nowMs - this.#startedAtMs
    this.#startedAtMs = nowMs
    if (units > 1000 && tookMs > 0) this.#unitsPerMs += (units / tookMs - this.#unitsPerMs) / 8
  }

  #abandon(call: Call, reason: unknown): void {
    call.reject(reason)
    this.#abandoned.add(call)
    if (!this.#running.includes(call)) return this.#removeWaiting(call)
    setTimeout(() => {
      if (this.#running[0] === call) this.#worker.restart()
    }, ABANDONED_MS).unref()
  }

  #removeWaiting(call: Call): void {
    const calls = this.#waiting.get(call.client)
    const at = calls?.indexOf(call) ?? -1
    if (calls === undefined || at === -1) return
    calls.splice(at, 1)
    if (calls.length > 0) return
    this.#waiting.delete(call.client)
    this.#leaveIfIdle(call.client)
  }

  #leaveIfIdle(client: string): void {
    if (!this.#waiting.has(client) && !this.#running.some((call) => call.client === client)) this.#turns.leave(client)
  }

  /** The call that ran may be what ended the thread, so it fails; those behind it are sent again. */
  #down(): void {
    this.#isUp = false
    const [first, ...others] = this.#running
    this.#running = []
    first?.reject(new ServiceError('engine_unavailable', 'the tokenizer thread ended during this request, and is being started again; send it again'))
    for (const client of new Set([...(first === undefined ? [] : [first]), ...others].map((call) => call.client))) this.#leaveIfIdle(client)
    for (const call of others.reverse()) if (!this.#abandoned.has(call)) this.#enqueue(call, 'first')
  }

  #enqueue(call: Call, place: 'first' | 'last'): void {
    const calls = this.#waiting.get(call.client) ?? []
    this.#waiting.set(call.client, calls)
    if (place === 'first') calls.unshift(call)
    else calls.push(call)
    this.#turns.join(call.client)
  }

  #end(): void {
    this.#hasEnded = true
    const calls = [...this.#running, ...[...this.#waiting.values()].flat()]
    this.#running = []
    this.#waiting.clear()
    for (const { reject } of calls) reject(ended())
  }
}

function ended(): ServiceError {
  return new ServiceError('engine_unavailable', 'the tokenizer thread has ended; restart the service')
}

function assertConversationFits(request: WithoutId<ToTokenizer>): void {
  const conversation =
    'conversation' in request ? request.conversation : 'input' in request && 'conversation' in request.input ? request.input.conversation : null
  if (conversation === null) return
  const { messages, tools, documents, variables } = conversation
  const sizeBytes = bytesOfJson([messages, tools, documents, variables])
  if (sizeBytes > MAX_CONVERSATION_BYTES)
    throw new ServiceError(
      'body_too_large',
      `the messages, tools and documents of one conversation have ${sizeBytes} bytes of text; the limit is ${MAX_CONVERSATION_BYTES}: shorten them`
    )
}

/** UTF-8 bytes of all texts and keys. */
function bytesOfJson(value: JsonValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null || value instanceof Float64Array) return 0
  return Object.entries(value).reduce((sum, [key, each]) => sum + (Array.isArray(value) ? 0 : Buffer.byteLength(key)) + bytesOfJson(each ?? null), 0)
}
