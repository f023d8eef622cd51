import type { IncomingMessage, ServerResponse } from 'node:http'

/** What goes wrong with a response. Numbers are bytes of the body. */
export type Effect =
  | { readonly kind: 'drop' | 'stall' | 'shorten'; readonly afterBytes: number }
  | { readonly kind: 'corrupt' | 'lengthen' | 'ignore_range' | 'other_etag' }
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }

/** Which responses, and how many of them in a row. */
export interface PlantedEffect {
  readonly host: 'hub' | 'storage'
  readonly path: RegExp
  readonly effect: Effect
  left: number
}

/** Sends a file or a range of it, with the effect. `etag` is the storage's name for the content. */
export function sendContent(request: IncomingMessage, response: ServerResponse, content: Uint8Array, etag: string, effect: Effect | undefined): void {
  const tag = effect?.kind === 'other_etag' ? `"other-${etag}"` : `"${etag}"`
  const first = effect?.kind === 'ignore_range' ? 0 : firstByte(request, content.length, tag)
  if (first === null) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const partial = request.headers.range !== undefined && effect?.kind !== 'ignore_range' && ifRangeHolds(request, tag)
  const end = partial ? endOf(request, content.length) : content.length
  const body = bodyOf(content.subarray(first, end), effect)
  response.statusCode = partial ? 206 : 200
  response.setHeader('etag', tag)
  response.setHeader('accept-ranges', 'bytes')
  if (partial) response.setHeader('content-range', `bytes ${first}-${end - 1}/${content.length}`)
  // Without a content length the body is chunked and may have any length.
  if (effect?.kind !== 'lengthen') response.setHeader('content-length', effect?.kind === 'shorten' ? body.length : end - first)
  response.flushHeaders()
  if (request.method === 'HEAD') response.end()
  else if (effect?.kind === 'drop') response.write(body, () => response.destroy())
  else if (effect?.kind === 'stall') response.write(body)
  else response.end(body)
}

function bodyOf(rest: Uint8Array, effect: Effect | undefined): Uint8Array {
  if (effect === undefined) return rest
  if (effect.kind === 'drop' || effect.kind === 'stall' || effect.kind === 'shorten') return rest.subarray(0, effect.afterBytes)
  if (effect.kind === 'lengthen') return Buffer.concat([rest, Buffer.alloc(64)])
  if (effect.kind !== 'corrupt') return rest
  const wrong = Uint8Array.from(rest)
  wrong[wrong.length >> 1]! ^= 1
  return wrong
}

/** First byte of the range, 0 without one; null when the range starts beyond the end. */
function firstByte(request: IncomingMessage, sizeBytes: number, etag: string): number | null {
  const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (first === 0 || !ifRangeHolds(request, etag)) return 0
  return first < sizeBytes ? first : null
}

/** The byte after the last one of the range. */
function endOf(request: IncomingMessage, sizeBytes: number): number {
  const last = /-(\d+)$/.exec(request.headers.range ?? '')?.[1]
  return last === undefined ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
}

function ifRangeHolds(request: IncomingMessage, etag: string): boolean {
  return request.headers['if-range'] === undefined || request.headers['if-range'] === etag
}
