/** What a client gets that sends requests without waiting, and then something that cannot be answered as a request. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createHttpServer } from '../../src/http/http-server.ts'

const LIMITS = { MAX_CONNECTIONS: 16, MAX_CONNECTIONS_PER_ADDRESS: 0, BODY_TIMEOUT_MS: 1000, HEADERS_TIMEOUT_MS: 1000, KEEP_ALIVE_TIMEOUT_MS: 5000 }
/** More than the buffers of a socket take. */
const LARGE = 'a'.repeat(8_000_000)

/** `/slow` answers late, `/large` answers much, `/begun` begins to answer before it has the body. */
async function handle({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url === '/begun') response.write('begun ')
  if (url !== '/early') await pause(100)
  response.end(url === '/large' ? LARGE : `answer of ${url}`)
}

const { server } = createHttpServer(LIMITS, (request, response) => void handle(request, response), 16_384)
before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
after(() => server.close())

/** Everything that the server sends until it closes. */
async function answers(...pieces: readonly string[]): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.setTimeout(10_000, () => socket.destroy(new Error('the server did not close within 10 s')))
  for (const piece of pieces) {
    socket.write(piece)
    await pause(20)
  }
  let all = ''
  for await (const chunk of socket) all += String(chunk)
  return all
}

const statuses = (all: string): number[] => [...all.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`
const chunked = (path: string, chunk: string): string => `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`

const ENDINGS: Readonly<Record<string, { readonly pieces: readonly string[]; readonly status: number }>> = {
  'what is not HTTP': { pieces: ['garbage\r\n\r\n'], status: 400 },
  'what is not HTTP, in several pieces': { pieces: ['garbage\r\n\r\n', 'more\r\n', 'and more\r\n\r\n'], status: 400 },
  CONNECT: { pieces: ['CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n'], status: 405 },
  'CONNECT and what follows it': { pieces: ['CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n', 'more'], status: 405 },
  'a body with an invalid chunk': { pieces: [chunked('/slow', 'zz\r\n')], status: 400 },
  'a body with an invalid chunk after a valid one': { pieces: [chunked('/slow', '1\r\na\r\n'), 'zz\r\n'], status: 400 },
  'headers that are too large': { pieces: [`GET / HTTP/1.1\r\nh: ${'a'.repeat(20_000)}\r\n\r\n`], status: 431 },
  'headers that never end': { pieces: ['GET / HTTP/1.1\r\nhost: a\r\n'], status: 408 }
}

describe('responses to earlier requests come first and whole, before', () => {
  for (const [name, { pieces, status }] of Object.entries(ENDINGS)) {
    test(name, async () => {
      const all = await answers(`${get('/slow')}${get('/large')}${pieces[0]}`, ...pieces.slice(1))
      assert.deepEqual(statuses(all), [200, 200, status])
      assert.ok(all.includes('answer of /slow') && all.includes(LARGE))
    })
  }

  test('a fault in the body of a request whose response has begun', async () => {
    const all = await answers(chunked('/begun', '1\r\na\r\n'), 'zz\r\n')
    assert.deepEqual(statuses(all), [200])
    assert.match(all, /begun .*answer of \/begun/s)
  })

  test('a fault in the body of a request that was answered already', async () => {
    const all = await answers(chunked('/early', '1\r\na\r\n'), 'zz\r\n')
    assert.deepEqual(statuses(all), [200])
    assert.match(all, /answer of \/early/)
  })
})
