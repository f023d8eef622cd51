import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { ServiceError } from '../errors.ts'
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts'

/** Answers what fails before there is a request: a body that does not arrive, bytes that are not HTTP. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return
  const failure =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new ServiceError('request_timeout', 'the request did not arrive in time; send the whole body at once')
      : new ServiceError('invalid_request', error.code === 'HPE_HEADER_OVERFLOW' ? 'the request headers are too large' : 'the request is not valid HTTP/1.1')
  const problem = problemOf(failure, randomUUID())
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${problem.request_id}\r\nconnection: close\r\n\r\n${body}`
  )
}
