import type { PlannedAnswer, ReceivedRequest } from './answering-server.ts'
import { type AnsweringServer, startAnswering } from './answering-server.ts'

export interface CompletionsBody {
  prompt: string | string[] | number[][]
  max_tokens: number
  echo?: boolean
  prompt_logprobs?: number
}

export interface EchoedChoice {
  index: number
  text: string
  logprobs: { tokens: string[]; token_logprobs: (number | null)[]; top_logprobs: (Record<string, number> | null)[]; text_offset: number[] } | null
  prompt_logprobs?: (Record<string, { logprob: number }> | null)[]
}

export interface EchoedAnswer {
  choices: EchoedChoice[]
  usage: { prompt_tokens: number }
}

/** What a fault can use. */
interface FaultTools {
  /** The answer of the honest server to a request. */
  honest(body: CompletionsBody): Promise<EchoedAnswer>
  /** Requests in progress, this one included. */
  readonly inFlight: number
  /** The answers so far, the faulty ones included, by the JSON of the prompt. */
  readonly seen: Map<string, EchoedAnswer>
}

/** Changes the answer of the honest server, or gives another one. */
export type PlantedFault = (
  body: CompletionsBody,
  answer: EchoedAnswer,
  tools: FaultTools
) => EchoedAnswer | PlannedAnswer | Promise<EchoedAnswer | PlannedAnswer>

/**
 * A proxy of a server with the completions endpoint that plants a fault. `memory` keeps the honest answers by request,
 * so that many proxies of one server compute each request once.
 */
export function startFaultyPeer(url: string, memory: Map<string, Promise<string>>, fault: PlantedFault): Promise<AnsweringServer> {
  const seen = new Map<string, EchoedAnswer>()
  let inFlight = 0
  const forwarded = (path: string, method: string, body: unknown): Promise<string> => {
    const key = `${path} ${JSON.stringify(body)}`
    const known = memory.get(key)
    if (known !== undefined) return known
    const init = method === 'GET' ? {} : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = fetch(url + path, init).then((response) => response.text())
    memory.set(key, answer)
    return answer
  }
  return startAnswering(async ({ path, method, body }: ReceivedRequest) => {
    if (!path.endsWith('/completions')) return { body: await forwarded(path, method, body) }
    inFlight++
    try {
      // So that requests that are sent together are in progress together.
      await new Promise((resolve) => setTimeout(resolve, 1))
      const request = body as CompletionsBody
      const honest = async (other: CompletionsBody): Promise<EchoedAnswer> => JSON.parse(await forwarded(path, 'POST', other)) as EchoedAnswer
      const given = await forwarded(path, 'POST', request)
      const answered = await fault(request, JSON.parse(given) as EchoedAnswer, { honest, inFlight, seen })
      const key = JSON.stringify(request.prompt)
      if (!('choices' in answered)) return answered
      if (!seen.has(key)) seen.set(key, structuredClone(answered))
      // Node sorts keys that look like numbers, so an answer without a fault is passed on as it is.
      const isChanged = JSON.stringify(answered) !== JSON.stringify(JSON.parse(given))
      return { body: isChanged ? answered : given }
    } finally {
      inFlight--
    }
  })
}
