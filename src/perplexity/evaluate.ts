import { elementAt } from '../element-at.ts'
import { contextFor } from '../encoding/encoding-context.ts'
import { assertWellFormed } from '../encoding/well-formed.ts'
import type { RowScores } from '../engine/engine.ts'
import { orServiceError, ServiceError, serviceErrorFrom } from '../errors.ts'
import type { EvaluationContext } from '../evaluation/evaluation-context.ts'
import { type Usage, type WorkUsage, workUsage } from '../evaluation/usage.ts'
import { mapInSlices, pauseIfLong } from '../event-loop.ts'
import { alsoAbortedBy, computeKeys, type ScoringJob, type WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { PerplexityOptions, RequestedText } from './request.ts'
import { type TextHead, textHeadOf } from './text-head.ts'
import { type TextPerplexity, TextScores, type WindowListener } from './text-scores.ts'
import { codePointStart, PIECE_UNITS, TokenStream } from './token-stream.ts'
import type { TextWindow } from './windows.ts'

export interface Perplexities {
  /** One per text, in order. */
  readonly results: readonly (TextPerplexity | ServiceError)[]
  readonly usage: Usage
}

/**
 * Windows of one request, each of which the scheduler has to order: 28,000 hold up the event loop for 0.8 s. A small
 * stride makes one per token.
 */
const MAX_WINDOWS = 8192
/** Tokens that `detail: "tokens"` shows at most: a response of some 15 MB. */
const MAX_SHOWN_TOKENS = 65_536
/** Windows of a stream that wait for their scores: enough to fill batches. */
const STREAMED_WINDOWS = 64

/** A text with its windows, before they are scored. */
interface CutText {
  readonly text: string
  readonly scores: TextScores
  readonly windows: readonly TextWindow[]
}

/** Scores texts of any length for POST /v1/perplexity and the command line: texts to windows, rows to totals. */
export class PerplexityEvaluator {
  readonly #context: EvaluationContext
  readonly #scheduler: Scheduler
  #onScored: WindowListener = () => {}

  constructor(context: EvaluationContext, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
  }

  get maxModelLen(): number {
    return this.#context.maxModelLen
  }

  /** Replaces the listener. */
  listen(listener: WindowListener): void {
    this.#onScored = listener
  }

  /**
   * Scores all windows of all texts in one submission. The failure of one text becomes its result. Throws `queue_full`
   * before it starts any, and `invalid_request` for too many windows or tokens to show.
   */
  async evaluate(texts: readonly RequestedText[], options: PerplexityOptions, terms: WorkTerms): Promise<Perplexities> {
    const context = contextFor(this.#context, terms)
    const head = textHeadOf(options, context)
    const cut = await this.#cut(texts, options, head, context)
    const valid = cut.flatMap((each) => (each instanceof ServiceError ? [] : [each]))
    assertShown(valid, options)

    const jobs = await mapInSlices(
      valid.flatMap(({ scores, windows }) => windows.map((window) => ({ scores, window }))),
      ({ scores, window }) => scores.jobOf(window)
    )
    await computeKeys(jobs)
    const submitted = this.#scheduler.submitAll(jobs, terms)
    let at = 0
    const rowsOf = valid.map(({ windows }) => windows.map(() => elementAt(submitted, at++).then(({ rows }) => elementAt(rows, 0))))
    // A failed window rejects before its turn; its text reports it.
    for (const rows of rowsOf.flat()) rows.catch(() => {})
    const scored = new Map<CutText, TextPerplexity | ServiceError>()
    for (const [i, each] of valid.entries()) scored.set(each, await orServiceError(() => resultOf(each, elementAt(rowsOf, i))))
    const results = cut.map((each) => (each instanceof ServiceError ? each : (scored.get(each) as TextPerplexity | ServiceError)))
    return { results, usage: usageOf(valid, head, await workUsage(jobs, submitted)) }
  }

  /**
   * Scores one text that is read while it is scored, so that memory does not grow with it. No piece ends inside a code
   * point. Gives no statistics, which need the whole text. Throws the reason why the text cannot be scored.
   */
  async evaluateStream(pieces: AsyncIterable<string>, options: PerplexityOptions, terms: WorkTerms): Promise<TextPerplexity> {
    const failed = new AbortController()
    const own = alsoAbortedBy(terms, failed.signal)
    const context = contextFor(this.#context, own)
    const scores = new TextScores({ param: 'text' }, options, textHeadOf(options, context), context, this.#onScored)
    const stream = new TokenStream(context.tokenizer, options.parseSpecialTokens)
    const waiting: { readonly window: TextWindow; readonly rows: Promise<RowScores> }[] = []
    const add = async (most: number): Promise<void> => {
      while (waiting.length > most) {
        const { window, rows } = waiting.shift()!
        scores.add(window, await rows)
      }
    }
    const submit = async (windows: readonly TextWindow[]): Promise<void> => {
      for (const window of windows) {
        const job: ScoringJob = scores.jobOf(window)
        const [rows] = this.#scheduler.submit([job], own)
        if (rows === undefined) throw new Error('a job has no scores')
        rows.catch(() => {})
        waiting.push({ window, rows })
        await add(STREAMED_WINDOWS)
      }
    }
    try {
      for await (const piece of pieces) {
        assertWellFormed(piece, 'text')
        scores.measure(piece)
        for await (const ids of stream.push(piece)) {
          await submit(scores.push(ids))
          assertShown([{ scores }], options)
        }
      }
      await submit(scores.push(await stream.end()))
      await submit(scores.end())
      await add(0)
      return await scores.result(null)
    } catch (error) {
      failed.abort(serviceErrorFrom(error))
      throw error
    }
  }

  /** The windows of each text, or why it has none. */
  async #cut(texts: readonly RequestedText[], options: PerplexityOptions, head: TextHead, context: EvaluationContext): Promise<(CutText | ServiceError)[]> {
    const { tokenizer } = context
    const { parseSpecialTokens } = options
    // Many short texts are tokenized in one call.
    const short = texts.filter(({ text }) => text.length <= PIECE_UNITS && text.isWellFormed())
    const shortIds = await tokenizer.encode(
      short.map(({ text }) => text),
      { parseSpecialTokens }
    )
    const idsOf = new Map(short.map((text, i) => [text, elementAt(shortIds, i)]))
    const cut: (CutText | ServiceError)[] = []
    let room = MAX_WINDOWS
    for (const text of texts) {
      const scores = new TextScores(text, options, head, context, this.#onScored)
      const windows = await orServiceError(async () => {
        assertWellFormed(text.text, text.param)
        await measureInSlices(scores, text.text)
        const ids = idsOf.get(text)
        return windowsOf(scores, ids === undefined ? idsOfLong(text.text, new TokenStream(tokenizer, parseSpecialTokens)) : [ids], text.param, room)
      })
      if (windows instanceof ServiceError) cut.push(windows)
      else {
        room -= windows.length
        cut.push({ text: text.text, scores, windows })
      }
    }
    return cut
  }
}

/** UTF-16 units that are measured in one slice. */
const MEASURED_UNITS = 65_536

async function measureInSlices(scores: TextScores, text: string): Promise<void> {
  for (let start = 0; start < text.length; ) {
    await pauseIfLong()
    const end = codePointStart(text, start + MEASURED_UNITS)
    scores.measure(text.slice(start, end))
    start = end
  }
}

async function* idsOfLong(text: string, stream: TokenStream): AsyncGenerator<Int32Array> {
  yield* stream.push(text)
  yield await stream.end()
}

/** Throws `invalid_request` for more than `room` windows, and what `TextScores.end` throws. */
async function windowsOf(scores: TextScores, parts: AsyncIterable<Int32Array> | Iterable<Int32Array>, param: string, room: number): Promise<TextWindow[]> {
  const windows: TextWindow[] = []
  const take = (more: readonly TextWindow[]): void => {
    for (const window of more) windows.push(window)
    if (windows.length > room)
      throw new ServiceError(
        'invalid_request',
        `the windows of ${param} make more than ${MAX_WINDOWS} in this request, which is the limit: send a larger stride, fewer texts, or shorter ones, or use logpr perplexity for a file`,
        { param }
      )
  }
  for await (const ids of parts) take(scores.push(ids))
  take(scores.end())
  return windows
}

/** Adds the scores of all windows, in order. */
async function resultOf({ text, scores, windows }: CutText, rows: readonly Promise<RowScores>[]): Promise<TextPerplexity> {
  for (const [i, window] of windows.entries()) {
    const own = await elementAt(rows, i)
    await pauseIfLong()
    scores.add(window, own)
  }
  return scores.result(text)
}

function assertShown(texts: readonly Pick<CutText, 'scores'>[], { detail }: PerplexityOptions): void {
  const tokens = texts.reduce((sum, { scores }) => sum + scores.tokens, 0)
  if (detail === 'tokens' && tokens > MAX_SHOWN_TOKENS)
    throw new ServiceError(
      'invalid_request',
      `the texts have ${tokens} tokens, and detail tokens shows ${MAX_SHOWN_TOKENS} at most: send less text, or detail curve`,
      { param: 'detail' }
    )
}

/** Each token of a text, and its head, once; what windows have in common shows in the computed tokens. */
function usageOf(texts: readonly CutText[], head: TextHead, work: WorkUsage): Usage {
  const tokens = texts.reduce((sum, { scores }) => sum + head.ids.length + scores.tokens, 0)
  return { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens, ...work }
}
