import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ERROR_KINDS } from '../../../src/http/problem.ts'
import { exchange, hasProblemBody } from '../../support/hostile-http.ts'
import { present } from '../../support/present.ts'
import { pause, type RunningService, startListening } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const KEY = 'a-key-of-sixteen-and-more'
/** Part of each text and unknown name; it must not come back. */
const CANARY = 'canary7f3a'
const HEADERS = `host: a\r\nauthorization: Bearer ${KEY}\r\n`

const raw = (line: string, headers = '', body = ''): string => `${line} HTTP/1.1\r\n${HEADERS}${headers}\r\n${body}`
const post = (path: string, body: unknown, headers = ''): string => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return raw(`POST ${path}`, `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text, 'latin1')}\r\n${headers}`, text)
}
const score = (body: object, headers = ''): string => post('/v1/logprob', body, headers)

/** A request for each code that HTTP can reach while the service works. */
const REQUESTS: Readonly<Record<string, string>> = {
  invalid_json: post('/v1/logprob', `{"x": ${CANARY}`),
  invalid_utf8: post('/v1/logprob', `{"x":"${CANARY}\xff","y":"b"}`),
  invalid_request: score({ x: CANARY, y: 5 }),
  invalid_text: score({ x: `${CANARY}`, y: '\ud800' }),
  token_out_of_range: score({ x: [1], y: [4_000_000] }),
  context_length_exceeded: score({ x: `${CANARY} `.repeat(2000), y: ' b' }),
  unauthorized: `GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${CANARY}\r\n\r\n`,
  not_found: raw(`GET /${CANARY}`),
  model_not_found: score({ model: CANARY, x: 'a', y: ' b' }),
  method_not_allowed: raw(`DELETE /v1/logprob?${CANARY}`),
  request_timeout: raw('POST /v1/logprob', 'content-type: application/json\r\ncontent-length: 999\r\n', `{"x":"${CANARY}`),
  body_too_large: raw('POST /v1/logprob', 'content-type: application/json\r\ncontent-length: 999999999\r\n', `{"x":"${CANARY}`),
  unsupported_media_type: raw('POST /v1/logprob', 'content-type: text/plain\r\ncontent-length: 10\r\n', CANARY),
  expectation_failed: raw('GET /v1/models', `expect: ${CANARY}\r\n`),
  headers_too_large: raw('GET /v1/models', `x: ${CANARY.repeat(3000)}\r\n`),
  empty_completion: score({ x: CANARY, y: '' }),
  boundary_merged: score({ x: 'The chil', y: 'dren', boundary: 'strict' }),
  too_many_requests: raw('POST /v1/logprob', 'content-type: application/json\r\ncontent-length: 90000\r\n'),
  deadline_exceeded: score({ x: CANARY, y: Array.from({ length: 900 }, (_, i) => ` word number ${i}`) }, 'x-request-timeout-ms: 1\r\n'),
  starting: score({ x: CANARY, y: ' b' })
}

/** Codes that only a start, a download or a failed engine can have, which other promises force. */
function isOfRequests(code: string): boolean {
  return !/^(hub_|download_|cache_|not_in_cache|model_(invalid|unsupported|too)|configuration_|client_closed)/.test(code)
}

async function faultsOf(service: RunningService, code: string, request: string): Promise<string[]> {
  const response = await exchange(service.url, request, 300)
  const got = /"code":"(\w+)"/.exec(response)?.[1]
  return [
    ...(hasProblemBody(response) ? [] : [`${code}: the body is another`]),
    ...(response.includes(CANARY) ? [`${code}: it has text of the request`] : []),
    ...(got === code ? [] : [`${code}: answered with ${got}`])
  ]
}

async function measure(): Promise<Measured> {
  const keys = join(mkdtempSync(join(tmpdir(), 'logpr-')), 'keys')
  writeFileSync(keys, KEY)
  const service = await startListening({
    LOGPR_API_KEYS_FILE: keys,
    LOGPR_BODY_TIMEOUT_MS: '1500',
    LOGPR_HEADERS_TIMEOUT_MS: '1000',
    LOGPR_MAX_BODY_BYTES: '100000',
    LOGPR_MAX_HELD_BYTES: '100000'
  })
  try {
    const faults = await faultsOf(service, 'starting', present(REQUESTS.starting))
    await service.untilReady()
    for (const [code, request] of Object.entries(REQUESTS)) {
      if (code === 'starting') continue
      // Holds most of the budget, so that the next body has no room.
      const holding = code === 'too_many_requests' ? exchange(service.url, request, 300) : undefined
      if (holding !== undefined) await pause(100)
      faults.push(...(await faultsOf(service, code, request)))
      await holding
    }
    const known = Object.keys(ERROR_KINDS).filter(isOfRequests)
    const unforced = known.filter((code) => !(code in REQUESTS))
    return {
      isKept: faults.length === 0,
      measured: `${Object.keys(REQUESTS).length} of ${known.length} codes of requests forced, ${faults.length} faults${faults.length > 0 ? `: ${faults.join('; ')}` : ''}; same code path, not forced here: ${unforced.join(', ')}`
    }
  } finally {
    await service.stop()
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'F5',
    claim: 'Every error is machine-readable and says nothing of the input',
    target: 'every code: the body of RFC 9457 and OpenAI, the request id, no stack, no text of the request',
    measure
  }
]
