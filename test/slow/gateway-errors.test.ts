/** What the gateways of deploy/ answer themselves: the error body of logpr, and when to retry. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { GATEWAYS, type GatewayName, isInstalled, type RunningGateway, startGateway } from '../support/gateways.ts'
import { exchange } from '../support/hostile-http.ts'

/** Ready, but a POST ends its connection without a response, and `/v1/own` is an error of its own. */
const replica = createServer(({ method, url, socket }, response) => {
  if (method === 'POST') return void socket.destroy()
  if (url === '/v1/own') response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '7' }).end('{"own":true}')
  else response.end('{}')
})

interface Case {
  readonly bytes: string
  /** In the order of GATEWAYS; null where the gateway passes the request on or closes the connection. */
  readonly expected: Readonly<Record<GatewayName, readonly [status: number, code: string] | null>>
}

const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`
const all = (status: number, code: string) => ({ haproxy: [status, code], envoy: [status, code], nginx: [status, code] }) as const

const CASES: Readonly<Record<string, Case>> = {
  'a path that is not public': { bytes: get('/metrics'), expected: all(404, 'not_found') },
  'what is not HTTP': { bytes: 'garbage\r\n\r\n', expected: { ...all(400, 'invalid_request'), envoy: null } },
  'a header without a colon': { bytes: get('/v1/models', 'bad header\r\n'), expected: { ...all(400, 'invalid_request'), envoy: null, nginx: null } },
  'headers of 40 kB': {
    bytes: get('/v1/models', `h: ${'a'.repeat(40_000)}\r\n`),
    expected: { haproxy: [400, 'invalid_request'], envoy: [431, 'headers_too_large'], nginx: [431, 'headers_too_large'] }
  },
  'a body above the limit': {
    bytes: 'POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n',
    expected: { ...all(413, 'body_too_large'), envoy: null }
  },
  'a replica that ends without a response': {
    bytes: `POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n${' '.repeat(20_000)}`,
    expected: { haproxy: [502, 'replica_lost'], envoy: [503, 'no_replica'], nginx: [502, 'replica_lost'] }
  }
}

/** HAProxy uses files for requests that it cannot read since 3.2.4. */
const EARLY = new Set(['what is not HTTP', 'a header without a colon', 'headers of 40 kB'])
const version = /version (\d+)\.(\d+)/.exec(String(spawnSync(process.env.LOGPR_HAPROXY ?? 'haproxy', ['-v']).stdout ?? ''))
const isOldHaproxy = Number(version?.[1]) * 100 + Number(version?.[2]) < 303

for (const name of GATEWAYS) {
  if (name !== 'envoy' && !isInstalled(name) && process.env.CI === 'true') throw new Error(`${name} is missing: the gateway tests must run in CI`)
  describe(name, isInstalled(name) ? {} : { skip: `${name} is not installed` }, () => {
    let gateway: RunningGateway
    before(async () => {
      if (!replica.listening) await once(replica.listen(0, '127.0.0.1'), 'listening')
      const { port } = replica.address() as AddressInfo
      gateway = await startGateway(name, [
        { port, managementPort: port },
        { port, managementPort: port }
      ])
    })
    after(() => gateway.stop())

    for (const [what, { bytes, expected }] of Object.entries(CASES)) {
      const wanted = expected[name]
      if (wanted === null) continue
      const skip = name === 'haproxy' && EARLY.has(what) && isOldHaproxy ? { skip: 'HAProxy before 3.2.4 answers HTML' } : {}
      test(`${what}: ${wanted.join(' ')}`, skip, async () => assertProblem(await exchange(gateway.url, bytes), wanted))
    }

    test('an error of logpr passes unchanged', async () => {
      const response = await fetch(`${gateway.url}/v1/own`)
      assert.deepEqual([response.status, response.headers.get('retry-after'), await response.text()], [503, '7', '{"own":true}'])
    })
  })
}

describe('without a replica', () => {
  before(() => replica.close())
  after(() => replica.closeAllConnections())

  for (const name of GATEWAYS) {
    test(`${name} says when to retry`, isInstalled(name) ? {} : { skip: `${name} is not installed` }, async (t) => {
      await once(replica.listen(0, '127.0.0.1'), 'listening')
      const { port } = replica.address() as AddressInfo
      const gateway = await startGateway(name, [
        { port, managementPort: port },
        { port, managementPort: port }
      ])
      t.after(() => gateway.stop())
      replica.close()
      replica.closeAllConnections()
      const text = await exchange(gateway.url, get('/v1/models'))
      const wanted = name === 'nginx' ? ([502, 'replica_lost'] as const) : ([503, 'no_replica'] as const)
      assertProblem(text, wanted)
      assert.match(text, /^retry-after: 1\r$/im)
    })
  }
})

function assertProblem(response: string, [status, code]: readonly [status: number, code: string]): void {
  const [head = '', ...rest] = response.split('\r\n\r\n')
  assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), response)
  assert.match(head, /^content-type: application\/problem\+json\r?$/im)
  // Envoy sends it in one chunk.
  const text = rest.join('\r\n\r\n')
  const problem = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Record<string, unknown>
  const error = problem.error as Record<string, unknown>
  assert.deepEqual(
    { ...problem, title: '', detail: '', request_id: '', error: { ...error, type: '' } },
    {
      type: `urn:logpr:error:${code}`,
      title: '',
      status,
      detail: '',
      code,
      request_id: '',
      error: { message: problem.detail, type: '', param: null, code }
    }
  )
  assert.ok([problem.title, problem.detail, error.type].every((value) => typeof value === 'string' && value !== ''))
}
