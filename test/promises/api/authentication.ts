import { ApiKeys, parseApiKeys } from '../../../src/config/api-keys.ts'
import { freePorts } from '../../support/free-port.ts'
import { rawStatus } from '../../support/raw-request.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { withKeyedService } from '../support/keyed-service.ts'

const KEY = 'k-0123456789-abcdefghijklmnop'
/** No key, wrong ones, prefixes and extensions of the right one, other alphabets and headers. */
const WRONG_HEADERS = [
  '',
  'authorization: Bearer\r\n',
  'authorization: Bearer \r\n',
  ...['wrong', KEY.slice(0, -1), KEY.slice(1), `${KEY}x`, KEY.toUpperCase(), 'k'.repeat(8000), '\u{1F511}'.repeat(8), `${KEY}\u00e9`, `${KEY},${KEY}`].map(
    (key) => `authorization: Bearer ${key}\r\n`
  ),
  `authorization: Basic ${Buffer.from(`user:${KEY}`).toString('base64')}\r\n`,
  `authorization: ${KEY}\r\n`,
  `x-api-key: ${KEY}\r\n`
]
const PATHS = ['/v1/models', '/v1/models/logpr-tiny-en', '/tokenizer_info']
const SAMPLES = 500_000

/** Two-sided p-value of Welch's t-test, by the normal distribution: the samples are large. */
function welchP(a: Float64Array, b: Float64Array): number {
  const [first, second] = [a, b].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return { mean, squaredError: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length / (values.length - 1) }
  }) as [{ mean: number; squaredError: number }, { mean: number; squaredError: number }]
  const t = Math.abs(first.mean - second.mean) / Math.sqrt(first.squaredError + second.squaredError)
  // Abramowitz and Stegun 26.2.17.
  const k = 1 / (1 + 0.2316419 * t)
  const tail = ((((1.330274429 * k - 1.821255978) * k + 1.781477937) * k - 0.356563782) * k + 0.31938153) * k
  return (2 * tail * Math.exp(-(t ** 2) / 2)) / Math.sqrt(2 * Math.PI)
}

/** The p-value of a difference in time between keys whose first character is right, and keys whose first is wrong. */
function timingP(): number {
  const keys = new ApiKeys(parseApiKeys(KEY))
  const durations = [new Float64Array(SAMPLES), new Float64Array(SAMPLES)]
  for (let sample = -20_000; sample < SAMPLES; sample++) {
    // Both in random order within a pair, so that neither profits from the other.
    const first = Math.random() < 0.5 ? 0 : 1
    for (const kind of [first, 1 - first]) {
      const key = `${kind === 0 ? KEY[0] : 'z'}${String(sample).padStart(KEY.length - 1, '0')}`
      const startNs = process.hrtime.bigint()
      keys.find(key)
      // Interruptions by the system would hide any difference.
      if (sample >= 0) durations[kind]![sample] = Math.min(20_000, Number(process.hrtime.bigint() - startNs))
    }
  }
  return welchP(durations[0]!, durations[1]!)
}

async function measure(): Promise<Measured> {
  const [port] = await freePorts(1)
  return withKeyedService([KEY], { LOGPR_MANAGEMENT_PORT: String(port) }, async (service) => {
    const statuses: number[] = []
    for (const path of PATHS) for (const headers of WRONG_HEADERS) statuses.push(await rawStatus(service.url, path, headers))
    const right = await rawStatus(service.url, '/v1/models', `authorization: bearer ${KEY}\r\n`)
    const refused = statuses.filter((status) => status === 401).length
    const onMain = await rawStatus(service.url, '/metrics')
    const onManagement = await rawStatus(service.managementUrl, '/metrics')
    const p = timingP()
    return {
      isKept: refused === statuses.length && right === 200 && onMain === 404 && onManagement === 200 && p > 0.01,
      measured: `${refused} of ${statuses.length} requests with a wrong key 401, with the right key ${right}; p = ${p.toFixed(2)} for a difference in time between keys with a right and a wrong first character (2 x ${SAMPLES} samples); /metrics ${onManagement} on the management port, ${onMain} on the main port`
    }
  })
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'G2',
    claim: 'Only the owner of a key gets in, and neither time nor metrics tell others anything.',
    target: 'wrong, absent, short, long and Unicode keys: always 401; t-test of the comparison p > 0.01; metrics on another port only',
    measure
  }
]
