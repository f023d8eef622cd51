import { ServiceError } from '../errors.ts'
import { type Statistic, type StatisticOptions, statisticOptionsOf } from '../statistics/statistics.ts'

export const WINDOW_KINDS = ['strided', 'disjoint'] as const
export const PREFIX_RULES = ['auto', 'single', 'none'] as const
export const DETAILS = ['summary', 'tokens', 'curve'] as const

/** How a long text is cut into windows that fit into the context. */
export interface WindowRule {
  readonly kind: (typeof WINDOW_KINDS)[number]
  /** Tokens that the model reads in one window. */
  readonly maxLength: number
  /** Tokens from the start of one window to the start of the next. */
  readonly stride: number
}

export interface PerplexityOptions {
  readonly window: WindowRule
  /**
   * What precedes the text. `auto`: as the recipe of the window kind has it; `single`: the prefix token, once; `none`:
   * nothing, so that the first token is not scored.
   */
  readonly prefix: (typeof PREFIX_RULES)[number]
  readonly parseSpecialTokens: boolean
  readonly detail: (typeof DETAILS)[number]
  readonly statistics: StatisticOptions | null
}

/** The fields of a request that `PerplexityOptions` come from, on the wire and as flags. */
export interface RequestedWindows {
  readonly window?: WindowRule['kind']
  readonly max_length?: number
  readonly stride?: number
  readonly prefix_token?: PerplexityOptions['prefix']
  readonly parse_special_tokens?: boolean
  readonly detail?: PerplexityOptions['detail']
  readonly statistics?: readonly Statistic[]
  readonly min_k_percent?: number
}

export interface RequestedTexts extends RequestedWindows {
  readonly text?: string
  readonly texts?: readonly string[]
  readonly cutoffs?: readonly number[]
}

/** A text, and the path of it in the request. */
export interface RequestedText {
  readonly text: string
  readonly param: string
}

/** The texts of a body, in its order. Throws `invalid_request`. */
export function textsOf({ text, texts }: RequestedTexts): RequestedText[] {
  if (text !== undefined && texts !== undefined) throw invalid('texts', 'text and texts exclude each other: send one of them')
  if (text !== undefined) return [{ text, param: 'text' }]
  if (texts === undefined) throw invalid('text', 'text is missing: send text (one text) or texts (a list of texts)')
  return texts.map((each, i) => ({ text: each, param: `texts/${i}` }))
}

/** Throws `invalid_request`, or `context_length_exceeded` for windows that are longer than the context of the model. */
export function perplexityOptionsOf(body: RequestedWindows, maxModelLen: number): PerplexityOptions {
  return {
    window: windowRuleOf(body, maxModelLen),
    prefix: body.prefix_token ?? 'auto',
    parseSpecialTokens: body.parse_special_tokens ?? false,
    detail: body.detail ?? 'summary',
    statistics: statisticOptionsOf(body.statistics, body.min_k_percent)
  }
}

function windowRuleOf({ window: kind = 'strided', max_length: maxLength = -1, stride }: RequestedWindows, maxModelLen: number): WindowRule {
  const length = maxLength === -1 ? maxModelLen : maxLength
  if (length > maxModelLen)
    throw new ServiceError(
      'context_length_exceeded',
      `max_length is ${length}, but this model's context is ${maxModelLen} tokens: send at most ${maxModelLen}, or leave it out`,
      { param: 'max_length' }
    )
  if (kind === 'disjoint') {
    if (stride !== undefined)
      throw invalid('stride', 'stride belongs to window strided; disjoint windows follow each other without overlap: leave one of them out')
    return { kind, maxLength: length, stride: length }
  }
  if (length < 2) throw invalid('max_length', 'max_length must be at least 2 for strided windows, which score a token behind another one')
  const step = stride ?? Math.max(1, Math.floor(length / 2))
  if (step >= length)
    throw invalid(
      'stride',
      `stride is ${step}, and must be below max_length (${length}), so that the first new token of a window has a context: send a smaller one, or window disjoint`
    )
  return { kind, maxLength: length, stride: step }
}

/** Bounds between the buckets head, middle and tail, as perplexities. Throws `invalid_request`. */
export function cutoffsOf(cutoffs: readonly number[] | undefined): readonly [number, number] | null {
  if (cutoffs === undefined) return null
  const [head, middle] = cutoffs
  if (cutoffs.length !== 2 || head === undefined || middle === undefined || !(head <= middle))
    throw invalid('cutoffs', 'cutoffs must be two perplexities in ascending order: the bounds between head and middle, and between middle and tail')
  return [head, middle]
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
