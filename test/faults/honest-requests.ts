/**
 * `npm run honest [-- COUNT]`: sends valid random requests to a real service and counts the checks that do not pass. A
 * warning about the text that can be confirmed independently is not a false alarm; everything else is.
 */
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { type LogprobResultBody, logprobBody } from '../support/logprob-body.ts'
import { startService } from '../support/running-service.ts'
import { EMBEDDED_FOLDER } from './measure.ts'
import { type HonestRequest, honestRequests } from './random-requests.ts'

const CLIENTS = 16
const COUNT = Number(process.argv[2] ?? 10_000)
const SEED = 3
const VOCABULARY = 4096

interface Alarm {
  readonly index: number
  readonly what: string
}

const tokenizer = await loadHuggingFaceTokenizer(EMBEDDED_FOLDER)
const service = await startService()
const queue = numbered(honestRequests(COUNT, SEED, (text) => tokenizer.encode(text, false)))
const counts = { requests: 0, results: 0, deep: 0, tokens: 0, checks: 0, confirmed: 0 }
const alarms: Alarm[] = []
const began = performance.now()
await Promise.all(Array.from({ length: CLIENTS }, client))
await service.stop()
const seconds = (performance.now() - began) / 1000
process.stdout.write(
  `${counts.requests} honest requests in ${seconds.toFixed(0)} s: ${counts.results} results (${counts.deep} deep), ${counts.tokens} tokens, ${counts.checks} checks, ` +
    `${counts.confirmed} findings confirmed, ${alarms.length} false alarms\n`
)
for (const { index, what } of alarms.slice(0, 20)) process.stdout.write(`  request ${index}: ${what}\n`)
process.exit(alarms.length === 0 ? 0 : 1)

async function client(): Promise<void> {
  for (const [index, request] of queue) {
    const response = await service.post('/v1/logprob', request.body)
    counts.requests++
    if (response.status !== 200) {
      alarms.push({ index, what: `status ${response.status}: ${await response.text()}` })
      continue
    }
    const { results, usage } = await logprobBody(response)
    counts.tokens += usage.total_tokens
    if (request.body.verify === 'deep') counts.deep += results.length
    for (const result of results) judge(index, request, result)
  }
}

function judge(index: number, request: HonestRequest, result: LogprobResultBody): void {
  counts.results++
  if (result.error !== undefined) {
    alarms.push({ index, what: result.error.message })
    return
  }
  for (const { id, status, message } of result.checks.items) {
    counts.checks++
    if (status !== 'warn' && status !== 'fail') continue
    if (status === 'warn' && isTrue(id, request, result)) counts.confirmed++
    else alarms.push({ index, what: `${id} ${status}: ${message}` })
  }
}

/** Whether an independent computation confirms a warning about the text. */
function isTrue(id: string, { body }: HonestRequest, result: LogprobResultBody): boolean {
  const y = typeof body.y === 'string' ? body.y : body.y[result.candidate]
  if (y === undefined) return false
  if (id === 'boundary') {
    const [x, joint] = [tokenizer.encode(body.x, false), tokenizer.encode(body.x + y, false)]
    return !x.every((token, i) => joint[i] === token)
  }
  if (id === 'better_than_chance') {
    const tokens = result.counts.x.tokens + result.counts.y.tokens
    // The check samples at most 32 rows, so the mean over all rows is close but not equal.
    return -(result.log_prob.joint ?? 0) / tokens > 0.8 * Math.log(VOCABULARY)
  }
  return false
}

function* numbered<T>(values: Iterable<T>): Generator<[number, T]> {
  let index = 0
  for (const value of values) yield [index++, value]
}
