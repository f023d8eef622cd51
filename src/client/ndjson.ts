import { LogprConnectionError } from './errors.ts'
import { lost } from './transport.ts'

/**
 * The values of a body of JSON lines, each as soon as its line has arrived. Leaving the loop early closes the
 * connection, so that the service drops what is left to do.
 */
export async function* jsonLines(response: Response, signal?: AbortSignal): AsyncGenerator<unknown, void, undefined> {
  if (response.body === null) return
  const reader = response.body.getReader()
  // A character may be split over chunks.
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => Promise.reject(lost(error, signal)))
      rest += decoder.decode(value, { stream: !done })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') yield valueOf(line)
      if (done) break
    }
    if (rest.trim() !== '') yield valueOf(rest)
  } finally {
    // Rejects if the connection broke, which the reader has reported.
    await reader.cancel().catch(() => undefined)
  }
}

function valueOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new LogprConnectionError('a line of the response is not JSON, so the response was cut off', { cause: error })
  }
}
