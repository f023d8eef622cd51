import { setTimeout as sleep } from 'node:timers/promises'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { LogprobItem, LogprobOptions } from '../encoding/logprob-item.ts'
import { type ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Evaluation, LogprobEvaluator, Outcome } from '../evaluation/logprob-evaluator.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import { type ItemSource, PortionSize } from './item-source.ts'
import { failureOf } from './result.ts'
import { StreamTotals, type Summary } from './stream-totals.ts'

/** A result as a line of JSON in UTF-8, without its end. */
export interface ResultLine {
  readonly json: Buffer
  readonly error: ServiceError | null
}

export interface StreamParts {
  readonly source: ItemSource
  readonly evaluator: Pick<LogprobEvaluator, 'encode' | 'evaluateEncoded'>
  readonly options: LogprobOptions
  /** About how many bytes the longest result may have; 0 if that is small. */
  readonly largestBytes: number
  /** The terms of the work that is submitted now, of which the whole request has `wholeFactor` times as much. */
  readonly termsNow: (wholeFactor: number) => WorkTerms
  readonly present: (outcome: Outcome) => Promise<ResultLine>
  /** Called with the number of items of each portion that was admitted. */
  readonly onStarted: (items: number) => void
  /** Called whenever a result is finished or was taken. */
  readonly onProgress: () => void
}

/** Items that were encoded and wait to be admitted. */
interface Portion {
  readonly items: readonly LogprobItem[]
  readonly encoded: readonly (EncodedItem | ServiceError)[]
  /** Which part of the request it is: the shares of the request before its start and before its end. */
  readonly startShare: number
  readonly endShare: number
}

/** A portion of so few items is not divided. */
const LEAST_ITEMS = 8
/** Longest wait until a portion that was refused is submitted again. */
const MAX_RETRY_MS = 5000
const LINE_END = Buffer.from('\n')

/**
 * The results of many items as lines, in the order in which they finish. Submits the items in portions of some seconds
 * of work: each portion has its own deadline, counted from its submission, and the next one starts when half of the
 * last was taken. So a slow reader slows the work down, and only two portions are in memory.
 *
 * Only the first portion can be refused. A later one is submitted again, in smaller parts, until it is admitted or the
 * signal of the terms aborts; then every item that is left has the reason as its error.
 */
export class ResultStream {
  readonly #parts: StreamParts
  readonly #size: PortionSize
  readonly #totals = new StreamTotals()
  readonly #finished: Buffer[] = []
  /** What is left of a portion that was admitted in part. */
  #rest: Portion | null = null
  /** Results that were begun and not taken. */
  #open = 0
  #isStarting = false
  #isAtEnd = false
  #wake: () => void = () => {}

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.#size = new PortionSize(parts.largestBytes)
  }

  /** Starts the first portion. Throws what `LogprobEvaluator.evaluate` throws. */
  async begin(): Promise<void> {
    await this.#start((error) => {
      throw error
    })
  }

  /** One line or more at a time. `summaryLine`, if there is one, makes the last line. */
  async *lines(summaryLine: ((summary: Summary) => object) | null): AsyncGenerator<Buffer> {
    for (;;) {
      if (!this.#isStarting && !this.#isAtEnd && this.#open <= this.#size.items / 2) void this.#continue()
      if (this.#finished.length > 0) {
        const lines = this.#finished.splice(0)
        this.#open -= lines.length
        this.#parts.onProgress()
        yield Buffer.concat(lines.flatMap((line) => [line, LINE_END]))
      } else if (this.#isAtEnd && this.#open === 0) break
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
    if (summaryLine !== null) yield Buffer.from(`${JSON.stringify(summaryLine(await this.#totals.summary()))}\n`)
  }

  async #continue(): Promise<void> {
    this.#isStarting = true
    await this.#start(async ({ code, retryAfterSeconds = 1 }) => {
      if (code !== 'queue_full') return
      await sleep(Math.min(MAX_RETRY_MS, 1000 * retryAfterSeconds), undefined, { signal: this.#signal }).catch(() => {})
    })
    this.#isStarting = false
    this.#wake()
  }

  get #signal(): AbortSignal {
    return this.#parts.termsNow(1).signal
  }

  /** Starts a portion. Calls `onRefused` with the reason when it cannot be made smaller. */
  async #start(onRefused: (error: ServiceError) => void | Promise<void>): Promise<void> {
    const portion = this.#rest ?? (await this.#taken())
    if (portion === null) {
      this.#isAtEnd = true
      return
    }
    for (let count = portion.items.length; ; ) {
      try {
        const [now, later] = divided(portion, count)
        await this.#submit(now)
        this.#rest = later
        return
      } catch (error) {
        const reason = serviceErrorFrom(error)
        if (reason.code === 'queue_full' && count > LEAST_ITEMS) count = Math.ceil(count / 2)
        else {
          await onRefused(reason)
          if (reason.code === 'queue_full' && !this.#signal.aborted) continue
          this.#rest = null
          return this.#fail(portion.items, reason.code === 'queue_full' ? (this.#signal.reason as ServiceError) : reason)
        }
      }
    }
  }

  /** The next portion, encoded; null at the end. */
  async #taken(): Promise<Portion | null> {
    const { source, evaluator, options, termsNow } = this.#parts
    const startShare = source.takenShare
    const sourced = await source.take(this.#size.items)
    if (sourced.length === 0) return null
    const items: LogprobItem[] = []
    for (const each of sourced)
      if ('error' in each) {
        this.#open++
        this.#take({ json: Buffer.from(JSON.stringify(failureOf(each.place, each.error))), error: each.error })
      } else items.push(each)
    const encoded = await evaluator.encode(items, options, termsNow(1)).catch((error: unknown) => items.map(() => serviceErrorFrom(error)))
    return { items, encoded, startShare, endShare: source.takenShare }
  }

  async #submit({ items, encoded, startShare, endShare }: Portion): Promise<void> {
    const { evaluator, options, termsNow, present, onStarted } = this.#parts
    const startedAtMs = performance.now()
    const terms = termsNow((1 - startShare) / (endShare - startShare))
    const evaluation: Evaluation<ResultLine> = await evaluator.evaluateEncoded(items, encoded, options, terms, present)
    onStarted(items.length)
    this.#open += items.length
    this.#totals.addUsage(evaluation.usage)
    let sizeBytes = 0
    for (const outcome of evaluation.outcomes)
      void outcome.then((line) => {
        sizeBytes += line.json.length
        this.#take(line)
      })
    void evaluation.usage.then(() => this.#size.measured({ items: items.length, elapsedMs: performance.now() - startedAtMs, sizeBytes }))
  }

  #fail(items: readonly LogprobItem[], error: ServiceError): void {
    this.#open += items.length
    for (const item of items) this.#take({ json: Buffer.from(JSON.stringify(failureOf(item, error))), error })
  }

  #take({ json, error }: ResultLine): void {
    this.#finished.push(json)
    this.#totals.add(error)
    if (error === null) this.#parts.onProgress()
    this.#wake()
  }
}

/** The first `count` items, and the others; null when there are none. */
function divided({ items, encoded, startShare, endShare }: Portion, count: number): [Portion, Portion | null] {
  if (count >= items.length) return [{ items, encoded, startShare, endShare }, null]
  const between = startShare + ((endShare - startShare) * count) / items.length
  return [
    { items: items.slice(0, count), encoded: encoded.slice(0, count), startShare, endShare: between },
    { items: items.slice(count), encoded: encoded.slice(count), startShare: between, endShare }
  ]
}
