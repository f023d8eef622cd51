import { once } from 'node:events'
import { connect } from 'node:net'
import { present } from '../../support/present.ts'
import { pause, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { largeRequest, openUnread, readAt } from '../support/large-response.ts'

/** Some 16 MB, far above what the sockets of both sides buffer. */
const LARGE = largeRequest(60)
const BYTES_PER_SECOND = 4e6
const WRITE_TIMEOUT_MS = 2000

interface Drained {
  readonly code: number | null
  readonly drainMs: number
}

/** The exit code of a service that got SIGTERM at `atMs` of `performance.now()`. */
async function endOf(process: { readonly exitCode: number | null }, exit: Promise<unknown[]>, atMs: number): Promise<Drained> {
  const [code] = (await exit) as [number | null]
  return { code: code ?? process.exitCode, drainMs: performance.now() - atMs }
}

/** SIGTERM at a third of a large response, beside idle keep-alive connections. */
async function whileReading(): Promise<Drained & { readonly isWhole: boolean; readonly readMs: number; readonly bytes: number }> {
  const service = await startService()
  const exit = once(service.process, 'exit')
  const idle = Array.from({ length: 20 }, () => connect(Number(new URL(service.url).port), '127.0.0.1').on('error', () => {}))
  const socket = await openUnread(service.url, LARGE)
  let atMs = 0
  const received = await readAt(socket, BYTES_PER_SECOND, ({ bytes, announcedBytes }) => {
    if (atMs > 0 || announcedBytes === 0 || bytes < announcedBytes / 3) return
    atMs = performance.now()
    service.process.kill('SIGTERM')
  })
  const readMs = performance.now() - atMs
  socket.end()
  const drained = await endOf(service.process, exit, atMs)
  for (const each of idle) each.destroy()
  return { ...drained, readMs, bytes: received.bytes, isWhole: received.bytes === received.announcedBytes }
}

/** SIGTERM while a client reads nothing of its response. */
async function whileNobodyReads(): Promise<Drained> {
  const service = await startService({ LOGPR_WRITE_TIMEOUT_MS: String(WRITE_TIMEOUT_MS) })
  const exit = once(service.process, 'exit')
  const socket = await openUnread(service.url, LARGE)
  // Until the response begins.
  await once(socket.resume(), 'data')
  socket.pause()
  const atMs = performance.now()
  service.process.kill('SIGTERM')
  const drained = await endOf(service.process, exit, atMs)
  socket.destroy()
  return drained
}

/** A second SIGTERM while a request waits for a stopped engine. */
async function forced(): Promise<Drained> {
  const service = await startService()
  const exit = once(service.process, 'exit')
  process.kill(present(service.enginePid()), 'SIGSTOP')
  const waiting = service.post('/v1/logprob', { x: 'a', y: ' b' }).catch(() => 'cut off')
  await pause(200)
  service.process.kill('SIGTERM')
  await pause(500)
  const atMs = performance.now()
  service.process.kill('SIGTERM')
  const drained = await endOf(service.process, exit, atMs)
  await waiting
  return drained
}

async function measure(): Promise<Measured> {
  const read = await whileReading()
  const unread = await whileNobodyReads()
  const second = await forced()
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  return {
    isKept:
      read.isWhole &&
      read.code === 0 &&
      read.drainMs <= read.readMs + 2000 &&
      unread.code === 0 &&
      unread.drainMs <= 3 * WRITE_TIMEOUT_MS + 2000 &&
      second.drainMs <= 1000,
    measured: `${(read.bytes / 1e6).toFixed(1)} MB arrived ${read.isWhole ? 'whole' : 'CUT'} beside 20 idle connections, exit ${read.code} ${seconds(read.drainMs - read.readMs)} after the last byte; a response that nobody reads: exit ${unread.code} after ${seconds(unread.drainMs)} with a write timeout of 2 s; second signal: ended after ${seconds(second.drainMs)}`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'E2',
    claim: 'A drain finishes the responses that clients still read, and ends in time',
    target: 'the whole response, exit 0 at most 2 s after it; bounded by the write timeout if nobody reads; a second signal ends it at once',
    measure
  }
]
