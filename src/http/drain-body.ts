import type { IncomingMessage } from 'node:http'

/** A client that sends more than this after it was refused does not get to read why. */
const MAX_DRAINED_BYTES = 64 << 20

/**
 * Reads and drops what is left of a body, so that a refusal can be read: answering and closing while the client still
 * sends resets the connection, and the answer is lost with it. The body's time limit goes on counting.
 */
export function drainBody(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve()
    let drainedBytes = 0
    request.on('data', (chunk: Buffer) => {
      drainedBytes += chunk.length
      if (drainedBytes > MAX_DRAINED_BYTES) resolve()
    })
    for (const event of ['end', 'close', 'error']) request.once(event, () => resolve())
    request.resume()
  })
}
