import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { FAULTS, faultProxy } from '../support/fault-proxy.ts'

const REQUESTS = 30
const BODY = { x: 'The children ran down to the', y: [' river', ' sea'], detail: 'tokens' }
const CLIENT_TIMEOUT_MS = 6000

interface Outcome {
  /** Responses with status 200 whose body ended early without an error of the connection. */
  readonly halfWritten: number
  readonly whole: number
  readonly failed: number
}

async function askThrough(url: string): Promise<Outcome> {
  let [halfWritten, whole, failed] = [0, 0, 0]
  await Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      try {
        const response = await fetch(`${url}/v1/logprob`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(BODY),
          signal: AbortSignal.timeout(CLIENT_TIMEOUT_MS)
        })
        const text = await response.text()
        const isWhole = response.status !== 200 || (JSON.parse(text) as { results: unknown[] }).results.length === 2
        if (isWhole) whole++
        else halfWritten++
      } catch (error) {
        if (error instanceof SyntaxError) halfWritten++
        else failed++
      }
    })
  )
  return { halfWritten, whole, failed }
}

/**
 * A permit that was lost would be missing here: the service takes as many requests as its limits allow, and no more.
 */
async function allPermitsAreBack(service: RunningService): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const statuses = await Promise.all(
      Array.from({ length: 8 }, () => service.post('/v1/logprob', BODY).then(async (response) => (await response.arrayBuffer()) && response.status))
    )
    const metrics = await (await service.get('/metrics')).text()
    if (statuses.every((status) => status === 200) && /^logpr_queue_tokens\{[^}]*\} 0$/m.test(metrics)) return true
    await pause(100)
  }
  return false
}

async function measure(): Promise<Measured> {
  // Each lost permit would show: 8 requests at once need all of them, and the bytes of 31 bodies.
  const service = await startService({
    LOGPR_MAX_REQUESTS: '40',
    LOGPR_BODY_TIMEOUT_MS: '3000',
    LOGPR_HEADERS_TIMEOUT_MS: '2000',
    LOGPR_MAX_BODY_BYTES: '20000',
    LOGPR_MAX_HELD_BYTES: '20000',
    LOGPR_MAX_HELD_BYTES_PER_CLIENT: '20000',
    LOGPR_WRITE_TIMEOUT_MS: '2000'
  })
  const parts: string[] = []
  let isKept = true
  try {
    for (const fault of FAULTS) {
      const proxy = await faultProxy(service.url, fault)
      const { halfWritten, whole, failed } = await askThrough(proxy.url)
      await proxy.close()
      const isBack = await allPermitsAreBack(service)
      isKept &&= halfWritten === 0 && isBack && service.process.exitCode === null
      parts.push(`${fault} ${whole} whole, ${failed} failed, ${halfWritten} half-written${isBack ? '' : ', PERMITS LOST'}`)
    }
  } finally {
    await service.stop()
  }
  return { isKept, measured: `${REQUESTS} requests per fault: ${parts.join('; ')}; ${isKept ? '0 crashes, 0 permits lost' : 'NOT KEPT'}` }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'D6',
    claim: 'Faults of the network crash nothing, lose no permit and never leave a half-written success',
    target: '7 kinds of faults: 0 crashes, 0 lost permits, 0 responses with status 200 that look whole but are not',
    measure
  }
]
