import { connect } from 'node:net'

const BODY = '{"x":"a","y":"b"}'
const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`
const post = (headers: string, body = BODY): string => `POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`

interface HostileRequest {
  readonly bytes: string
  /** Statuses of the responses, in order. */
  readonly statuses: readonly number[]
}

/** Requests that HTTP implementations have read in different ways, or that once failed here. */
export const HOSTILE_REQUESTS: Readonly<Record<string, HostileRequest>> = {
  'method QUERY': { bytes: 'QUERY /livez HTTP/1.1\r\nhost: a\r\n\r\n', statuses: [405] },
  'method TRACE': { bytes: 'TRACE /livez HTTP/1.1\r\nhost: a\r\n\r\n', statuses: [405] },
  'method CONNECT': { bytes: 'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n', statuses: [405] },
  'a lower-case method': { bytes: 'get /livez HTTP/1.1\r\nhost: a\r\n\r\n', statuses: [400] },
  'OPTIONS *': { bytes: 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', statuses: [404] },
  'GET *': { bytes: get('*'), statuses: [400] },
  'an upgrade to WebSocket': { bytes: get('/livez', 'connection: upgrade\r\nupgrade: websocket\r\n'), statuses: [200] },
  'an upgrade to h2c': { bytes: get('/livez', 'connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n'), statuses: [200] },
  'the preface of HTTP/2': { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', statuses: [400] },
  'a ClientHello of TLS': { bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', statuses: [400] },
  'no version': { bytes: 'GET /livez\r\n\r\n', statuses: [400] },
  'HTTP/2.0': { bytes: 'GET /livez HTTP/2.0\r\nhost: a\r\n\r\n', statuses: [400] },
  'HTTP/1.2': { bytes: 'GET /livez HTTP/1.2\r\nhost: a\r\n\r\n', statuses: [400] },
  'no host': { bytes: 'GET /livez HTTP/1.1\r\n\r\n', statuses: [400] },
  'two hosts': { bytes: get('/livez', 'host: b\r\n'), statuses: [400] },
  'an invalid host': { bytes: 'GET /livez HTTP/1.1\r\nhost: a b/<>\r\n\r\n', statuses: [400] },
  'an absolute target': { bytes: get('http://a/livez'), statuses: [200] },
  'an absolute target of another scheme': { bytes: get('ftp://a/livez'), statuses: [400] },
  'a fragment': { bytes: get('/livez#a'), statuses: [400] },
  'dots in a path of files': { bytes: get('/docs/static/../../x'), statuses: [404] },
  'NUL in a path of files': { bytes: get('/docs/static/%00'), statuses: [404] },
  'a range that no file has': { bytes: get('/', 'range: bytes=99999999-\r\n'), statuses: [400] },
  'a condition that no file meets': { bytes: get('/', 'if-match: "x"\r\n'), statuses: [400] },
  'a path that is not UTF-8': { bytes: get('/%ff'), statuses: [400] },
  'a path with a bad escape': { bytes: get('/v1/models/%zz'), statuses: [400] },
  'a path of 20,000 characters': { bytes: get(`/${'a'.repeat(20_000)}`), statuses: [431] },
  'a header of 20,000 characters': { bytes: get('/livez', `h: ${'a'.repeat(20_000)}\r\n`), statuses: [431] },
  'an unknown expectation': { bytes: get('/livez', 'expect: bananas\r\n'), statuses: [417] },
  'an expectation of 100': { bytes: post('content-length: 17\r\nexpect: 100-continue'), statuses: [100, 200] },
  'an expectation of 100 to an unknown path': { bytes: get('/v2', 'expect: 100-continue\r\n'), statuses: [404] },
  'content-length and transfer-encoding': { bytes: post('content-length: 17\r\ntransfer-encoding: chunked', '0\r\n\r\n'), statuses: [400] },
  'two lengths': { bytes: post('content-length: 17\r\ncontent-length: 18'), statuses: [400] },
  'a negative length': { bytes: post('content-length: -1'), statuses: [400] },
  'a length with a sign': { bytes: post('content-length: +17'), statuses: [400] },
  'a length above 64 bits': { bytes: post('content-length: 99999999999999999999'), statuses: [400] },
  'a length above the limit': { bytes: post('content-length: 9999999999'), statuses: [413] },
  'identity coding': { bytes: post('transfer-encoding: identity'), statuses: [400] },
  'gzip in chunks': { bytes: post('transfer-encoding: gzip, chunked', '0\r\n\r\n'), statuses: [400] },
  'chunked twice': { bytes: post('transfer-encoding: chunked\r\ntransfer-encoding: chunked', '0\r\n\r\n'), statuses: [400] },
  'chunks in HTTP/1.0': {
    bytes: 'POST /v1/logprob HTTP/1.0\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    statuses: [400]
  },
  'a chunk extension': { bytes: post('transfer-encoding: chunked', `11;a=b;c="d"\r\n${BODY}\r\n0\r\n\r\n`), statuses: [200] },
  'a chunk extension of 200,000 characters': {
    bytes: post('transfer-encoding: chunked', `11;${'a'.repeat(200_000)}\r\n${BODY}\r\n0\r\n\r\n`),
    statuses: [400]
  },
  'a chunk size that is no number': { bytes: post('transfer-encoding: chunked', `zz\r\n${BODY}`), statuses: [400] },
  'a folded header': { bytes: get('/livez', 'x-a: b\r\n c\r\n'), statuses: [400] },
  'a space before the colon': { bytes: get('/livez', 'x-a : b\r\n'), statuses: [400] },
  'NUL in a header': { bytes: get('/livez', 'x-a: b\0c\r\n'), statuses: [400] },
  'line feeds only': { bytes: 'GET /livez HTTP/1.1\nhost: a\n\n', statuses: [400] },
  'a lone carriage return': { bytes: 'GET /livez HTTP/1.1\r\nhost: a\rx: y\r\n\r\n', statuses: [400] },
  'two content types': { bytes: post('content-type: text/plain\r\ncontent-length: 17'), statuses: [400] },
  'a compressed body': { bytes: post('content-encoding: gzip\r\ncontent-length: 17'), statuses: [415] },
  'three requests at once': { bytes: `${post('content-length: 17')}${post('content-length: 17')}${get('/livez')}`, statuses: [200, 200, 200] },
  'garbage behind a request': { bytes: `${post('content-length: 17')}garbage\r\n\r\n`, statuses: [200, 400] },
  'a request hidden in a body': { bytes: `${post('content-length: 17', BODY)}${get('/nowhere')}`, statuses: [200, 404] }
}

/** Sends bytes as they are, and returns what came back until the connection closed or nothing came for `quietMs`. */
export function exchange(url: string, bytes: string, quietMs = 400): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    let quiet: NodeJS.Timeout | undefined
    const end = (): void => {
      clearTimeout(quiet)
      socket.destroy()
      resolve(text)
    }
    const wait = (): void => {
      clearTimeout(quiet)
      quiet = setTimeout(end, text === '' ? 10_000 : quietMs)
    }
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
      wait()
    })
    socket.on('error', () => {}).once('close', end)
    socket.write(bytes, 'latin1')
    wait()
  })
}

export function statusesOf(responses: string): number[] {
  return [...responses.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

/** Whether a response that is an error has the one error body, with its request id in a header too, and no stack. */
export function hasProblemBody(response: string): boolean {
  const [head = '', body = ''] = response.split('\r\n\r\n')
  const id = /^x-request-id: (.+)$/im.exec(head)?.[1]
  return (
    /^content-type: application\/problem\+json/im.test(head) &&
    /"error":\{"message":/.test(body) &&
    body.includes(`"request_id":"${id}"`) &&
    !/\bat .*\.[jt]s:/.test(body)
  )
}
