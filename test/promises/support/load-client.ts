import { Agent, request } from 'node:http'

/** A response, or status 0 where the connection failed. */
export interface Answer {
  readonly status: number
  /** In milliseconds of `performance.now()`. */
  readonly sentAtMs: number
  readonly answeredAtMs: number
  readonly retryAfter: string | undefined
  /** The exact wait that was asked for, in milliseconds. */
  readonly retryAfterMs: number
  readonly body: string
}

/** Sends requests of one client to a service, on connections that stay open. */
export class LoadClient {
  readonly #url: string
  readonly #key: string
  readonly #agent: Agent

  constructor(url: string, key: string, connections = 512) {
    this.#url = url
    this.#key = key
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const sentAtMs = performance.now()
    return new Promise((resolve) => {
      const ended = (status: number, received: Readonly<Record<string, unknown>> = {}, text = ''): void =>
        resolve({
          status,
          sentAtMs,
          answeredAtMs: performance.now(),
          retryAfter: received['retry-after'] as string | undefined,
          retryAfterMs: Number(received['retry-after-ms']),
          body: text
        })
      const sent = request(
        this.#url + path,
        { agent: this.#agent, method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}`, ...headers } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => ended(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString()))
          response.on('error', () => ended(0))
        }
      )
      sent.on('error', () => ended(0))
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/**
 * Calls `send` at a constant rate, whether earlier requests were answered or not: unlike a client that waits for its
 * responses, this shows queueing.
 */
export async function openLoop(perSecond: number, seconds: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Promise<Answer>[] = []
  const startMs = performance.now()
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startMs) {
    while (answers.length < (elapsedMs / 1000) * perSecond) answers.push(send())
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return Promise.all(answers)
}

/** `connections` loops that each send one request at a time until `isOver`. */
export async function closedLoop(connections: number, isOver: () => boolean, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (!isOver()) answers.push(await send())
    })
  )
  return answers
}

export function latencyMs({ sentAtMs, answeredAtMs }: Answer): number {
  return answeredAtMs - sentAtMs
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

const WORDS = 'the river ran down to the sea and children walked along an old road past houses where people lived while rain fell on green fields'.split(' ')
let seed = 1

/** Text of random words, so that no two texts are equal. */
function randomText(words: number): string {
  return Array.from({ length: words }, () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return WORDS[Math.floor((seed / 2_147_483_648) * WORDS.length)]
  }).join(' ')
}

/** A body of /v1/logprob. A word is about one token of the included model. */
export function pairsBody(pairs: number, wordsOfX: number, wordsOfY: number): string {
  return JSON.stringify({ pairs: Array.from({ length: pairs }, () => ({ x: randomText(wordsOfX), y: ` ${randomText(wordsOfY)}` })) })
}
