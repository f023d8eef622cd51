import { type ClientRequest, request } from 'node:http'

export interface RawAnswer {
  /** 0 if the connection broke. */
  readonly status: number
  readonly sizeBytes: number
  readonly tookMs: number
}

/** POST over its own connection, without reading the answer into memory. `write` sends the body in its own way. */
export function rawPost(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
  write: (request: ClientRequest, body: string) => void = (sent, text) => sent.end(text)
): Promise<RawAnswer> {
  const startedAtMs = performance.now()
  return new Promise((resolve) => {
    let sizeBytes = 0
    const answered = (status: number): void => resolve({ status, sizeBytes, tookMs: performance.now() - startedAtMs })
    const sent = request(url, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length
      })
      response.on('end', () => answered(response.statusCode ?? 0))
      response.on('error', () => answered(0))
    })
    sent.on('error', () => answered(0))
    write(sent, body)
  })
}
