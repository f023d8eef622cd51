import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { responseBytes } from '../held-bytes.ts'

/** Slowest average rate at which a client may read a response: 0.5 Mbit/s. */
const MIN_BYTES_PER_MS = 65.536

/**
 * Closes the connection of a client that reads nothing of its response for `timeoutMs`, or reads a response of known
 * size too slowly. Otherwise it could hold the memory of the response for ever.
 */
export function registerWriteTimeout(app: FastifyInstance, timeoutMs: number): void {
  app.addHook('onSend', async (_, reply, payload) => {
    const { raw } = reply
    if (raw.destroyed) return payload
    raw.setTimeout(timeoutMs, () => onTimeout(raw, timeoutMs))
    const sizeBytes = responseBytes(reply, payload)
    if (sizeBytes === undefined) return payload
    const timer = setTimeout(() => raw.destroy(), timeoutMs + sizeBytes / MIN_BYTES_PER_MS)
    raw.once('close', () => clearTimeout(timer))
    return payload
  })
}

/** Nothing was written for a while, but a stream may also have nothing to write. */
function onTimeout(raw: ServerResponse, timeoutMs: number): void {
  if (raw.writableLength > 0 || raw.writableEnded) raw.destroy()
  else raw.setTimeout(timeoutMs)
}
