/**
 * `unreachable`: no whole response arrived. `refused`: a status other than 2xx. `invalid`: a response that does not
 * have the form of a completions endpoint with echo.
 */
type PeerFailure = 'unreachable' | 'refused' | 'invalid'

/** Another server did not give the scores that were asked for. The message names what it answered. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly kind: PeerFailure
  /** HTTP status of the response; null without one. */
  readonly status: number | null

  constructor(kind: PeerFailure, message: string, { status = null, cause }: { readonly status?: number | null; readonly cause?: unknown } = {}) {
    super(message, { cause })
    this.kind = kind
    this.status = status
  }
}

/** Longest part of a foreign text in a message, in characters. */
const SHOWN_CHARACTERS = 300

/**
 * What a server says in a response with an error, on one line: the message of the bodies of OpenAI, vLLM, FastAPI and
 * RFC 9457, else the start of the text.
 */
export function errorTextOf(body: string): string {
  const text = messageIn(parsed(body)) ?? body
  // Without what a terminal would obey.
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ').trim()
  if (line === '') return 'an empty body'
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line
}

function messageIn(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.length === 0 ? null : value.map((item) => messageIn(item) ?? '').join('; ')
  if (typeof value !== 'object' || value === null) return null
  const { error, detail, message, msg, loc } = value as Readonly<Record<string, unknown>>
  const place = Array.isArray(loc) ? `${loc.join('.')}: ` : ''
  const found = messageIn(error) ?? messageIn(detail) ?? messageIn(message) ?? messageIn(msg)
  return found === null ? null : place + found
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
