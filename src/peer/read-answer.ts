import { errorTextOf, PeerError } from './peer-error.ts'
import { entriesOf, memberOf, numberOf, readJson, textOf } from './read-json.ts'

/** A token that a server names at a position. */
interface PeerAlternative {
  /** Its text; null when the server names only ids. */
  readonly token: string | null
  /** Null when the server names only texts. */
  readonly id: number | null
  /** In nats. Any number, also NaN. */
  readonly logProb: number
}

/** One entry of the lists of a response. Nothing is checked yet. */
export interface PeerPosition {
  readonly token: string | null
  readonly id: number | null
  /** In nats, also NaN or above 0; null as in the response. */
  readonly logProb: number | null
  /** In the order of the response; null as in the response. */
  readonly top: readonly PeerAlternative[] | null
  /** `text_offset`; null when there is none. */
  readonly offset: number | null
}

/** Where the positions of a choice come from. */
type PeerForm = 'echo' | 'prompt_logprobs'

export interface PeerChoice {
  readonly index: number
  readonly text: string | null
  /** The lists of `logprobs`, entry by entry: the prompt, then the generated token if there is one. */
  readonly echo: readonly PeerPosition[] | null
  /** The list `prompt_logprobs` of vLLM: the prompt alone. */
  readonly promptLogprobs: readonly PeerPosition[] | null
  /** What is wrong with the form of the lists. */
  readonly faults: readonly string[]
}

export interface PeerAnswer {
  /** By `index`. */
  readonly choices: readonly PeerChoice[]
  /** `usage.prompt_tokens`, of all prompts together; null when the server does not say. */
  readonly promptTokens: number | null
  /** Whether the response has `NaN` or `Infinity`, which JSON does not have. */
  readonly hasPythonNumbers: boolean
}

/** Reads the body of a response with status 200. Throws `PeerError` (`invalid`) when it is not one of completions. */
export function readAnswer(body: string): PeerAnswer {
  const { value, hasPythonNumbers } = parsedBody(body)
  const choices = memberOf(value, 'choices')
  if (!Array.isArray(choices)) throw new PeerError('invalid', `the response has no list "choices": is this a completions endpoint?`)
  return {
    choices: choices.map((choice: unknown, place) => choiceOf(choice, place)).sort((a, b) => a.index - b.index),
    promptTokens: numberOf(memberOf(memberOf(value, 'usage'), 'prompt_tokens')) ?? null,
    hasPythonNumbers
  }
}

/** Parses a body. Throws `PeerError` (`invalid`) when it is not JSON. */
export function parsedBody(body: string): ReturnType<typeof readJson> {
  try {
    return readJson(body)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new PeerError('invalid', `the response is not JSON: ${errorTextOf(error.message)}`, { cause: error })
  }
}

function choiceOf(choice: unknown, place: number): PeerChoice {
  const faults: string[] = []
  const list = memberOf(choice, 'prompt_logprobs') ?? null
  return {
    index: numberOf(memberOf(choice, 'index')) ?? place,
    text: textOf(memberOf(choice, 'text')),
    echo: echoOf(memberOf(choice, 'logprobs') ?? null, faults),
    promptLogprobs: list === null ? null : listOf(list, 'prompt_logprobs', faults).map((entry, i) => promptPosition(entry, i, faults)),
    faults
  }
}

function echoOf(logprobs: unknown, faults: string[]): PeerPosition[] | null {
  if (logprobs === null) return null
  const content = memberOf(logprobs, 'content')
  // The form of chat completions, which llama.cpp's server gives here too.
  if (Array.isArray(content)) return content.map((entry: unknown) => contentPosition(entry))
  const values = listOf(memberOf(logprobs, 'token_logprobs'), 'token_logprobs', faults)
  const parallel = (name: string): readonly unknown[] => {
    const list = memberOf(logprobs, name) ?? null
    if (list === null) return []
    const items = listOf(list, name, faults)
    if (items.length !== values.length) faults.push(`${name} has ${items.length} entries, token_logprobs has ${values.length}`)
    return items
  }
  const [tokens, tops, offsets] = [parallel('tokens'), parallel('top_logprobs'), parallel('text_offset')]
  return values.map((value, i) => {
    const name = nameOf(tokens[i])
    return {
      ...name,
      logProb: logProbOf(value, `token_logprobs[${i}]`, faults),
      top: topOf(tops[i] ?? null, i, faults),
      offset: numberOf(offsets[i]) ?? null
    }
  })
}

/** `token_id:464` is how vLLM, SGLang and logpr name a token by its id. */
function nameOf(token: unknown): Pick<PeerPosition, 'token' | 'id'> {
  const text = textOf(token)
  const id = text === null ? null : /^token_id:(\d+)$/.exec(text)
  return id === null ? { token: text, id: null } : { token: null, id: Number(id[1]) }
}

function topOf(entry: unknown, i: number, faults: string[]): PeerAlternative[] | null {
  if (entry === null) return null
  const entries = entriesOf(entry)
  if (entries === null) {
    faults.push(`top_logprobs[${i}] is no object`)
    return null
  }
  return entries.map(([key, value]) => ({ ...nameOf(key), logProb: logProbOf(value, `a value of top_logprobs[${i}]`, faults) ?? Number.NaN }))
}

function contentPosition(entry: unknown): PeerPosition {
  const top = memberOf(entry, 'top_logprobs')
  const one = (value: unknown): PeerAlternative => ({
    token: textOf(memberOf(value, 'token')),
    id: numberOf(memberOf(value, 'id')) ?? null,
    logProb: numberOf(memberOf(value, 'logprob')) ?? Number.NaN
  })
  return { ...one(entry), top: Array.isArray(top) ? top.map(one) : null, offset: null }
}

/** The first member is the token of the prompt, the others are the top tokens. */
function promptPosition(entry: unknown, i: number, faults: string[]): PeerPosition {
  const none = { token: null, id: null, logProb: null, top: null, offset: null }
  if (entry === null) return none
  const alternatives = (entriesOf(entry) ?? []).map(([key, value]): PeerAlternative => {
    const logProb = logProbOf(memberOf(value, 'logprob'), `a logprob of prompt_logprobs[${i}]`, faults) ?? Number.NaN
    return { id: Number(key), token: textOf(memberOf(value, 'decoded_token')), logProb }
  })
  const [own] = alternatives
  if (own !== undefined) return { ...own, top: alternatives, offset: null }
  faults.push(`prompt_logprobs[${i}] is neither null nor an object with a token`)
  return none
}

function logProbOf(value: unknown, name: string, faults: string[]): number | null {
  if (value === null) return null
  const number = numberOf(value)
  if (number === undefined) faults.push(`${name} is no number`)
  return number ?? null
}

function listOf(value: unknown, name: string, faults: string[]): readonly unknown[] {
  if (Array.isArray(value)) return value
  faults.push(`${name} is no list`)
  return []
}

/** The positions of the prompt, from whichever list the server filled, and which one. */
export function promptForm({ echo, promptLogprobs }: PeerChoice): { readonly form: PeerForm; readonly positions: readonly PeerPosition[] } | null {
  if (echo !== null && echo.length > 0) return { form: 'echo', positions: echo }
  return promptLogprobs === null ? null : { form: 'prompt_logprobs', positions: promptLogprobs }
}
