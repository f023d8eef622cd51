import { type LogprobArrays, logprobArraysOf } from './arrays.ts'
import { type BatchOptions, batchesOf, inHalves, inOrder, type Weight } from './batches.ts'
import { LogprError } from './errors.ts'
import type { operations } from './openapi.ts'
import { type ClientOptions, jsonLines, lost, type RequestOptions, Transport } from './transport.ts'

export type { LogprobArrays, SequenceArrays } from './arrays.ts'
export { LogprConnectionError, LogprError } from './errors.ts'
export type { components, operations, paths } from './openapi.ts'
export type { BatchOptions, ClientOptions, RequestOptions }

type Json<Message> = Message extends { content: { 'application/json': infer Value } } ? Value : never

/** The body that an operation of openapi.yaml takes. */
export type BodyOf<Operation extends keyof operations> = Json<NonNullable<operations[Operation]['requestBody']>>
/** The body of an operation's response with status 200. */
export type AnswerOf<Operation extends keyof operations> = operations[Operation]['responses'] extends { 200: infer Message } ? Json<Message> : never

/** For arrays there is `logprobArrays`. */
export type LogprobRequest = Omit<LogprobArraysRequest, 'format'> & { readonly format?: 'objects' }
export type LogprobArraysRequest = BodyOf<'scoreLogprob'>
/** A result or a failure; `object` tells them apart. */
export type LogprobOutcome = Exclude<AnswerOf<'scoreLogprob'>['results'][number], { object: 'logprob.arrays' }>
export type LogprobResponse = Omit<AnswerOf<'scoreLogprob'>, 'results'> & { results: LogprobOutcome[] }
/** The scores of one output. */
export type LogprobResult = Extract<LogprobOutcome, { object: 'logprob.result' }>
/** Why an output has no scores. */
export type LogprobFailure = Extract<LogprobOutcome, { object: 'logprob.failure' }>
/** One prompt or conversation with its outputs. */
export type LogprobPair = NonNullable<LogprobRequest['pairs']>[number]
/** How to score, for all pairs of a request. */
export type LogprobOptions = Omit<LogprobRequest, 'pairs' | keyof Omit<LogprobPair, 'id'>>
/** A result or a failure of many requests. */
export type PairOutcome = LogprobOutcome & {
  /** Position in the list of pairs; `index` counts the outputs of all pairs. */
  readonly pair: number
}

type LossRequest = BodyOf<'scoreLoss'>
/** A list of examples, or the rows of a collated batch. */
type LossBatch = LossRequest & ({ readonly examples: NonNullable<LossRequest['examples']> } | { readonly input_ids: number[][] })

type Ranking = Exclude<AnswerOf<'rerank'>, readonly unknown[]>

/**
 * A client of a logpr service, for Node 20.19 or newer and browsers. Requests that the service refuses for lack of
 * room are sent again when it says so. Methods throw `LogprError`, `LogprConnectionError`, or the reason of an aborted
 * signal.
 */
export class LogprClient {
  readonly #transport: Transport

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options)
  }

  /** Scores one prompt with its outputs, or a list of pairs, in one request. */
  async logprob(body: LogprobRequest, options?: RequestOptions): Promise<LogprobResponse> {
    return (await this.#post<'scoreLogprob'>('v1/logprob', body, options)) as LogprobResponse
  }

  /**
   * The scores of all tokens as arrays, from a binary response: 8 bytes per token instead of some 200. A pair may be
   * `{ ids, from }`: a sequence that is scored as it is, from position `from` on.
   */
  async logprobArrays(body: LogprobArraysRequest, options: RequestOptions = {}): Promise<LogprobArrays> {
    const response = await this.#transport.send({ method: 'POST', path: 'v1/logprob', body, accept: 'application/zip' }, options)
    return logprobArraysOf(await response.arrayBuffer().catch((error: unknown) => Promise.reject(lost(error, options.signal))))
  }

  /** As `logprob`, one result at a time, in the order in which they finish; `index` is the place in the request. */
  async *streamLogprob(body: LogprobRequest, options: RequestOptions = {}): AsyncGenerator<LogprobOutcome, void, undefined> {
    const response = await this.#transport.send({ method: 'POST', path: 'v1/logprob', body, accept: 'application/x-ndjson' }, options)
    for await (const line of jsonLines(response, options.signal)) if (isOutcome(line)) yield line
  }

  /**
   * Scores any number of pairs in as many requests as they need, and yields the results in input order. Reads the pairs
   * as it goes, so they may come from a file. An output that cannot be scored is a failure in its place.
   */
  async *scorePairs(
    pairs: Iterable<LogprobPair> | AsyncIterable<LogprobPair>,
    { scoring = {}, ...options }: { readonly scoring?: LogprobOptions } & BatchOptions & RequestOptions = {}
  ): AsyncGenerator<PairOutcome, void, undefined> {
    const ended = new AbortController()
    const signal = options.signal === undefined ? ended.signal : AbortSignal.any([options.signal, ended.signal])
    const score = async (batch: readonly Placed[]): Promise<PairOutcome[]> => {
      const { results } = await this.logprob({ ...scoring, pairs: batch.map(({ pair }) => pair) }, { ...options, signal }).catch((error: unknown) => {
        const failure = onlyFailure(error, batch)
        if (failure === null) throw withPlace(error, batch[0]?.place)
        return { results: [failure] }
      })
      const places = batch.flatMap(({ pair, place }) => new Array<number>(weightOf(pair).outputs).fill(place))
      return results.map((result) => atPlace(result, places[result.index] as number))
    }
    const batches = batchesOf(placed(pairs), ({ pair }) => weightOf(pair), options)
    let index = 0
    for await (const results of inOrder(
      batches,
      (batch) => inHalves(batch, score),
      () => ended.abort(),
      options
    ))
      for (const result of results) yield { ...result, index: index++ }
  }

  /** Orders `documents` by their log-probability, in the format of Jina, Cohere and vLLM. */
  async rerank(body: BodyOf<'rerank'>, options?: RequestOptions): Promise<Ranking> {
    // A list answers `texts`, the format of Text Embeddings Inference.
    return (await this.#post<'rerank'>('v1/rerank', body, options)) as Ranking
  }

  /** The probability of each of the given texts. */
  choose(body: BodyOf<'choose'>, options?: RequestOptions): Promise<AnswerOf<'choose'>> {
    return this.#post<'choose'>('v1/choose', body, options)
  }

  /** The perplexity of texts of any length. */
  perplexity(body: BodyOf<'scorePerplexity'>, options?: RequestOptions): Promise<AnswerOf<'scorePerplexity'>> {
    return this.#post<'scorePerplexity'>('v1/perplexity', body, options)
  }

  /** The losses of a batch of training examples, and their means. */
  loss(body: LossBatch, options?: RequestOptions): Promise<Extract<AnswerOf<'scoreLoss'>, { object: 'loss.batch' }>>
  /** The loss of a training example, token by token. */
  loss(body: BodyOf<'scoreLoss'>, options?: RequestOptions): Promise<Extract<AnswerOf<'scoreLoss'>, { object: 'loss' }>>
  loss(body: BodyOf<'scoreLoss'>, options?: RequestOptions): Promise<AnswerOf<'scoreLoss'>> {
    return this.#post<'scoreLoss'>('v1/loss', body, options)
  }

  /** Whether reported log-probabilities can be right. Needs no model. */
  check(body: BodyOf<'checkLogprobs'>, options?: RequestOptions): Promise<AnswerOf<'checkLogprobs'>> {
    return this.#post<'checkLogprobs'>('v1/check', body, options)
  }

  tokenize(body: BodyOf<'tokenize'>, options?: RequestOptions): Promise<AnswerOf<'tokenize'>> {
    return this.#post<'tokenize'>('tokenize', body, options)
  }

  detokenize(body: BodyOf<'detokenize'>, options?: RequestOptions): Promise<AnswerOf<'detokenize'>> {
    return this.#post<'detokenize'>('detokenize', body, options)
  }

  /** The models of the service, with their self-tests. */
  async models(options?: RequestOptions): Promise<AnswerOf<'listModels'>['data']> {
    const { data } = await this.#json<AnswerOf<'listModels'>>(await this.#transport.send({ method: 'GET', path: 'v1/models' }, options), options)
    return data
  }

  async #post<Operation extends keyof operations>(path: string, body: BodyOf<Operation>, options?: RequestOptions): Promise<AnswerOf<Operation>> {
    return this.#json(await this.#transport.send({ method: 'POST', path, body }, options), options)
  }

  async #json<Value>(response: Response, options?: RequestOptions): Promise<Value> {
    return (await response.json().catch((error: unknown) => Promise.reject(lost(error, options?.signal)))) as Value
  }
}

/** Whether a line is a result or a failure: a closing line has no place in the request. */
function isOutcome(line: unknown): line is LogprobOutcome {
  return typeof line === 'object' && line !== null && 'index' in line
}

/** A failure names its pair as in the whole list; the service counts the pairs of one request. */
function atPlace(outcome: LogprobOutcome, pair: number): PairOutcome {
  const [path] = outcome.object === 'logprob.failure' ? (/^pairs\/\d+\//.exec(outcome.error.param ?? '') ?? []) : []
  if (outcome.object !== 'logprob.failure' || path === undefined) return { ...outcome, pair }
  const replaced = (text: string): string => text.replaceAll(path, `pairs/${pair}/`)
  const { message, param = path } = outcome.error
  return { ...outcome, pair, error: { ...outcome.error, message: replaced(message), param: replaced(param) } }
}

/** Errors of an output, which a request with several reports in its place, and a request with one as its status. */
const OF_AN_OUTPUT: ReadonlySet<string> = new Set([
  ...['boundary_merged', 'boundary_not_exact', 'chat_template_failed', 'context_length_exceeded', 'empty_completion', 'invalid_text'],
  ...['no_end_token', 'no_prefix_token', 'non_finite_logits', 'poison_request', 'scores_mismatched', 'token_out_of_range']
])

/** The outcome of a request whose only output cannot be scored; null for other errors. */
function onlyFailure(error: unknown, [first, ...others]: readonly Placed[]): LogprobFailure | null {
  if (first === undefined || others.length > 0 || weightOf(first.pair).outputs > 1) return null
  if (!(error instanceof LogprError) || !OF_AN_OUTPUT.has(error.code)) return null
  const { message, param } = error
  const code = error.code as LogprobFailure['error']['code']
  return { object: 'logprob.failure', index: 0, id: first.pair.id ?? null, candidate: 0, error: { code, message, ...(param === null ? {} : { param }) } }
}

/** The field of an error counts the pairs of its request alone. */
function withPlace(error: unknown, first: number | undefined): unknown {
  if (!(error instanceof LogprError) || error.param?.startsWith('pairs/') !== true) return error
  return new LogprError(`in the request that begins with pair ${first}: ${error.message}`, error)
}

/** A pair and its position in the whole list. */
interface Placed {
  readonly pair: LogprobPair
  readonly place: number
}

async function* placed(pairs: Iterable<LogprobPair> | AsyncIterable<LogprobPair>): AsyncGenerator<Placed, void, undefined> {
  let place = 0
  for await (const pair of pairs) yield { pair, place: place++ }
}

function weightOf({ x, messages, y, ids }: LogprobPair): Weight {
  const isList = Array.isArray(y) && !y.every((entry) => typeof entry === 'number')
  return { outputs: isList ? y.length : 1, chars: JSON.stringify([x, messages, y, ids]).length }
}
