import { ServiceError } from '../errors.ts'
import type { ItemSpans, LogprobItem, LogprobOptions } from './logprob-item.ts'
import type { PartText } from './spelling.ts'
import { codePointCount, displayText } from './token-text.ts'

/** A span of a request: code points `char_start .. char_end - 1` of x or of y. */
export interface RequestedSpan {
  readonly part: 'x' | 'y'
  readonly char_start: number
  readonly char_end: number
}

/** The spans of each part. Throws `invalid_request` for an empty span, and for one that begins before another ends. */
export function itemSpansOf(spans: readonly RequestedSpan[], param: string): ItemSpans {
  const byPart: Record<'x' | 'y', { start: number; end: number }[]> = { x: [], y: [] }
  for (const [i, { part, char_start: start, char_end: end }] of spans.entries()) {
    const path = `${param}/${i}`
    if (end <= start) throw invalid(path, `${path} is empty: char_end has to be above char_start`)
    const before = byPart[part].at(-1)
    if (before !== undefined && start < before.end)
      throw invalid(path, `${path} begins before the span of ${part} in front of it ends: send spans in the order of the text, without overlaps`)
    byPart[part].push({ start, end })
  }
  return byPart
}

/** Throws `invalid_request` for spans that no word details are requested for, and for one that exceeds its text. */
export function assertSpansFit({ spans, param }: LogprobItem, { detail }: LogprobOptions, text: Readonly<Record<'x' | 'y', PartText>>): void {
  if (spans === undefined) return
  const path = param.y.replace(/y(\/\d+)?$/, 'spans')
  if (detail !== 'words') throw invalid(path, `${path} needs detail words: set detail to words, or leave the spans out`)
  for (const part of ['x', 'y'] as const) {
    const { bytes } = text[part]
    const last = spans[part].at(-1)
    if (bytes === null || last === undefined) continue
    const length = codePointCount(displayText(bytes))
    if (last.end > length)
      throw invalid(path, `${path} has a span that ends at ${last.end}, but ${part} has ${length} characters; offsets count Unicode code points`)
  }
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
