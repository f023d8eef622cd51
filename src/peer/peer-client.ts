import { ServiceError } from '../errors.ts'
import { PeerError } from './peer-error.ts'
import { PeerTransport, type TransportOptions } from './peer-transport.ts'
import { type PeerAnswer, parsedBody, readAnswer } from './read-answer.ts'
import { memberOf, numberOf, textOf } from './read-json.ts'

/** Where the endpoints of a server are. */
export interface PeerUrls {
  readonly completions: string
  readonly models: string
  /** Beside the API, not in it: vLLM, llama.cpp and logpr. */
  readonly tokenize: string
  /** llama-cpp-python. */
  readonly extrasTokenize: string
}

/** A text, or token ids. */
export type PeerPrompt = string | readonly number[]

export interface PeerOptions extends TransportOptions {
  /** The root of the server, `http://127.0.0.1:8000`, its API, `.../v1`, or the endpoint, `.../v1/completions`. */
  readonly url: string
  /** Sent as `model`; null sends none. */
  readonly model: string | null
}

export interface PeerRequest {
  /** Of one kind. One text is sent as it is, anything else as a list. */
  readonly prompts: readonly PeerPrompt[]
  /** `echo` asks for the lists of OpenAI's completions, `prompt_logprobs` for vLLM's list of the prompt. */
  readonly form: 'echo' | 'prompt_logprobs'
  /** Top tokens per position. */
  readonly topCount: number
  /** Tokens to generate. Some servers refuse 0, others take it for "no limit". */
  readonly maxTokens: 0 | 1
  /** Whether tokens are named `token_id:N`; servers that do not know the field ignore it. */
  readonly tokensAsIds?: boolean
}

export interface PeerModel {
  readonly id: string
  /** Tokens that fit, the generated one included; null when the server does not say. */
  readonly maxModelLen: number | null
}

/**
 * A client of a server with OpenAI's completions endpoint, `echo` and `logprobs`, or with vLLM's `prompt_logprobs`.
 * Methods throw `PeerError`. Never sends more requests at the same time than `concurrency`.
 */
export class PeerClient {
  readonly urls: PeerUrls
  readonly #model: string | null
  readonly #transport: PeerTransport

  /** Throws `configuration_invalid` for a URL or a key that cannot be used. */
  constructor(options: PeerOptions) {
    this.#model = options.model
    this.#transport = new PeerTransport(options)
    this.urls = peerUrls(options.url)
  }

  /** Requests sent so far, repeated ones included. */
  get requestCount(): number {
    return this.#transport.requestCount
  }

  /** The JSON body of a request to the completions endpoint. */
  bodyOf({ prompts, form, topCount, maxTokens, tokensAsIds = false }: PeerRequest): Readonly<Record<string, unknown>> {
    const [first] = prompts
    return {
      ...(this.#model === null ? {} : { model: this.#model }),
      prompt: prompts.length === 1 && typeof first === 'string' ? first : prompts,
      max_tokens: maxTokens,
      temperature: 0,
      ...(form === 'echo' ? { echo: true, logprobs: topCount } : { prompt_logprobs: topCount }),
      ...(tokensAsIds ? { return_tokens_as_token_ids: true } : {})
    }
  }

  /** Sends one request. Checks that there is one choice per prompt, and nothing else of what it says. */
  async complete(request: PeerRequest, signal?: AbortSignal): Promise<PeerAnswer> {
    const answer = readAnswer(await this.#transport.send(this.urls.completions, this.bodyOf(request), signal))
    const { length } = answer.choices
    if (length === request.prompts.length && answer.choices.every(({ index }, i) => index === i)) return answer
    throw new PeerError('invalid', `the response has ${length} choices for ${request.prompts.length} prompts, or their "index" does not count from 0`)
  }

  /** The models that the server lists. */
  async models(signal?: AbortSignal): Promise<PeerModel[]> {
    const data = memberOf(parsedBody(await this.#transport.send(this.urls.models, null, signal)).value, 'data')
    if (!Array.isArray(data)) throw new PeerError('invalid', `the response of ${this.urls.models} has no list "data"`)
    return data.flatMap((model: unknown) => {
      const id = textOf(memberOf(model, 'id'))
      return id === null
        ? []
        : [{ id, maxModelLen: numberOf(memberOf(model, 'max_model_len')) ?? numberOf(memberOf(memberOf(model, 'meta'), 'n_ctx')) ?? null }]
    })
  }

  /**
   * The ids of a text without special tokens, from the endpoint of vLLM and logpr, of llama.cpp, or of
   * llama-cpp-python; null when the server has none of them.
   */
  async tokenize(text: string, signal?: AbortSignal): Promise<number[] | null> {
    const bodies: readonly (readonly [url: string, body: object])[] = [
      [this.urls.tokenize, { ...(this.#model === null ? {} : { model: this.#model }), prompt: text, add_special_tokens: false }],
      [this.urls.tokenize, { content: text, add_special: false }],
      [this.urls.extrasTokenize, { input: text }]
    ]
    for (const [url, body] of bodies) {
      const answer = await this.#transport.send(url, body, signal).catch((error: unknown) => {
        if (error instanceof PeerError && error.kind === 'refused' && error.status !== 401 && error.status !== 403) return null
        throw error
      })
      const tokens = answer === null ? undefined : memberOf(parsedBody(answer).value, 'tokens')
      if (Array.isArray(tokens) && tokens.length > 0 && tokens.every((id) => Number.isSafeInteger(id))) return tokens as number[]
    }
    return null
  }
}

const ENDPOINT = '/completions'
/** The name of an API in a path: `/v1`, and `/v3` of OpenVINO Model Server. */
const VERSION = /\/v\d+$/

/**
 * The endpoints below a root, an API (`.../v1`) or the URL of the completions endpoint itself. Throws
 * `configuration_invalid` for what is no such URL.
 */
export function peerUrls(given: string): PeerUrls {
  const url = URL.canParse(given) ? new URL(given) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ServiceError('configuration_invalid', 'the URL of a server must begin with http:// or https://, as in http://127.0.0.1:8000')
  if (url.username !== '' || url.password !== '')
    throw new ServiceError(
      'configuration_invalid',
      'the URL of a server must not contain a user name or a password: put the API key into an environment variable'
    )
  if (url.search !== '' || url.hash !== '') throw new ServiceError('configuration_invalid', 'the URL of a server must not have a query or a fragment')
  const path = url.pathname.replace(/\/+$/, '')
  const base = path.endsWith(ENDPOINT) ? path.slice(0, -ENDPOINT.length) : VERSION.test(path) ? path : `${path}/v1`
  const api = url.origin + base
  const root = url.origin + base.replace(VERSION, '')
  return { completions: api + ENDPOINT, models: `${api}/models`, tokenize: `${root}/tokenize`, extrasTokenize: `${root}/extras/tokenize` }
}
