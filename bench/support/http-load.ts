import { Agent, request } from 'node:http'

/** A response of any status; times in ms. */
export interface Exchange {
  readonly status: number
  readonly text: string
  /** From the scheduled time of the request to the end of the response. */
  readonly latencyMs: number
}

/** A client that accepts every status. It has no connection limit, so a request never waits in the client. */
export function openClient(
  address: string,
  headers: Readonly<Record<string, string>> = {}
): {
  post(path: string, body: string, dueAt?: number): Promise<Exchange>
  end(): void
} {
  const base = new URL(address)
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  return {
    post(path, body, dueAt = performance.now()) {
      return new Promise((resolve, reject) => {
        const all = { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
        const outgoing = request({ agent, host: base.hostname, port: base.port, method: 'POST', path, headers: all }, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8'), latencyMs: performance.now() - dueAt })
          )
        })
        outgoing.on('error', reject)
        outgoing.end(body)
      })
    },
    end: () => agent.destroy()
  }
}

/**
 * Sends each body at its time, whether or not earlier ones were answered, so that queueing is measured. `dueMs` starts
 * at 0 and ascends.
 */
export async function openLoop<T>(dueMs: readonly number[], send: (index: number, dueAt: number) => Promise<T>): Promise<T[]> {
  const began = performance.now()
  const answers: Promise<T>[] = []
  for (const [index, due] of dueMs.entries()) {
    const wait = began + due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    answers.push(send(index, began + due))
  }
  return Promise.all(answers)
}

/** Clients that each send the next request as soon as they have a response, until the time is over. */
export async function closedLoop(clients: number, seconds: number, send: (index: number) => Promise<void>): Promise<void> {
  const until = performance.now() + 1000 * seconds
  let next = 0
  const client = async (): Promise<void> => {
    while (performance.now() < until) await send(next++)
  }
  await Promise.all(Array.from({ length: clients }, client))
}
