/**
 * Serves a real model and compares it with transformers: `npm run test:real -- [MODEL_FOLDER]`, with the folder that
 * scripts/models/real/gemma.py wrote (default .models/gemma-3-270m/model) and PYTHON the interpreter of the oracle.
 * Prints one line per comparison and exits 1 if one of them fails.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { privateBytesIn } from '../../src/process/private-memory.ts'
import { present } from '../support/present.ts'
import { childPids, type RunningService, startListening } from '../support/running-service.ts'
import { type Questions, questions } from './questions.ts'

/** Largest difference of a token from float64, and of their mean, nats. */
const TOKEN_NATS = 1e-4
const MEAN_NATS = 5e-6
/** lm-evaluation-harness sums log-probabilities in float32. */
const SENTENCE_NATS = 2e-3
const START_TIMEOUT_MS = 600_000
const MEMORY_SHARE = 0.15

interface Oracle {
  readonly texts: readonly { readonly x_ids: readonly number[]; readonly ids: readonly number[]; readonly log_probs: readonly number[] }[]
  readonly conversations: readonly (readonly number[])[]
  readonly pairs: readonly (readonly [number, number])[]
}

interface Result {
  readonly error?: { readonly code: string }
  readonly log_prob: { readonly joint: number }
  readonly tokens: readonly { readonly id: number; readonly log_prob: number | null }[]
  readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string; readonly status: string }[] }
}

let failures = 0

function report(what: string, isGood: boolean, found: string): void {
  if (!isGood) failures++
  process.stdout.write(`${isGood ? 'ok    ' : 'FAILED'} ${what}: ${found}\n`)
}

/** Its answers are kept beside the model, because they take minutes, until a question or a script changes. */
function askOracle(folder: string, asked: Questions): Oracle {
  const script = join(PACKAGE_FOLDER, 'test', 'real', 'oracle.py')
  const questionsJson = JSON.stringify(asked)
  const hash = createHash('sha256').update(questionsJson).update(readFileSync(script))
  for (const file of ['config.json', 'tokenizer.json']) hash.update(readFileSync(join(folder, file)))
  const answers = join(folder, '..', `oracle-${hash.digest('hex').slice(0, 16)}.json`)
  if (!existsSync(answers)) {
    const scratch = mkdtempSync(join(tmpdir(), 'logpr-real-'))
    writeFileSync(join(scratch, 'questions.json'), questionsJson)
    const python = process.env.PYTHON ?? join(PACKAGE_FOLDER, '.venv-oracle', 'bin', 'python')
    execFileSync(python, ['-W', 'ignore', script, folder, join(scratch, 'questions.json'), answers], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return JSON.parse(readFileSync(answers, 'utf8')) as Oracle
}

async function untilReady(service: RunningService): Promise<void> {
  for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await new Promise((done) => setTimeout(done, 500))) {
    const isReady = await fetch(`${service.managementUrl}/readyz`).then(({ ok }) => ok)
    if (isReady) return
    if (service.process.exitCode !== null) throw new Error(`the service ended: ${service.log.join('\n')}`)
  }
  throw new Error('the service was not ready in time')
}

/** Null where a token spans x and y and they cannot be tokenized apart. */
async function scored(service: RunningService, x: string, y: string): Promise<Result | null> {
  const response = await service.post('/v1/logprob', { x, y, detail: 'tokens' })
  const { results, ...problem } = (await response.json()) as { results?: readonly Result[] }
  const [result] = results ?? []
  if ((problem as { code?: string }).code === 'boundary_not_exact') return null
  if (result === undefined || result.error !== undefined) throw new Error(`not scored: ${JSON.stringify(result ?? problem)}`)
  return result
}

async function compareTexts(service: RunningService, { texts }: Questions, oracle: Oracle): Promise<void> {
  const differences: number[] = []
  const alarms: string[] = []
  let otherIds = 0
  for (const [i, { x, y }] of texts.entries()) {
    const result = await scored(service, x, y)
    if (result === null) {
      otherIds++
      continue
    }
    const { tokens, checks } = result
    alarms.push(...checks.items.filter(({ status }) => status === 'warn' || status === 'fail').map(({ id }) => `${id} in text ${i}`))
    const expected = present(oracle.texts[i])
    // x and y are tokenized apart where a token would span them; transformers was asked for x + y.
    if (tokens.map(({ id }) => id).join() !== expected.ids.join()) otherIds++
    else differences.push(...tokens.slice(1).map(({ log_prob: logProb }, t) => present(logProb) - present(expected.log_probs[t])))
  }
  const max = differences.reduce((most, each) => Math.max(most, Math.abs(each)), 0)
  const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length
  const figures = `${differences.length} tokens, max ${max.toExponential(1)}, mean ${mean.toExponential(1)} nats`
  report('log-probabilities and float64', max <= TOKEN_NATS && Math.abs(mean) <= MEAN_NATS, figures)
  report('texts whose x and y merge', otherIds <= texts.length / 5, `${otherIds} of ${texts.length}`)
  report('false alarms', alarms.length === 0, alarms.length === 0 ? '0' : alarms.join(', '))
}

async function compareConversations(service: RunningService, { conversations }: Questions, oracle: Oracle): Promise<void> {
  for (const [i, messages] of conversations.entries()) {
    const response = await service.post('/tokenize', { messages, add_generation_prompt: true })
    const { tokens = [] } = (await response.json()) as { tokens?: readonly number[] }
    report(`ids of conversation ${i}`, tokens.join() === oracle.conversations[i]?.join(), `${tokens.length} tokens`)
  }
}

async function comparePairs(service: RunningService, { pairs }: Questions, oracle: Oracle): Promise<void> {
  let most = 0
  let sameChoice = 0
  for (const [i, { good, bad }] of pairs.entries()) {
    const own = [
      present((await scored(service, '', good)) ?? undefined).log_prob.joint,
      present((await scored(service, '', bad)) ?? undefined).log_prob.joint
    ] as const
    const [expectedGood, expectedBad] = present(oracle.pairs[i])
    most = Math.max(most, Math.abs(own[0] - expectedGood), Math.abs(own[1] - expectedBad))
    if (own[0] > own[1] === expectedGood > expectedBad) sameChoice++
  }
  report(
    'BLiMP and lm-eval hf',
    most <= SENTENCE_NATS && sameChoice === pairs.length,
    `${sameChoice} of ${pairs.length} choices equal, max ${most.toExponential(1)} nats`
  )
}

async function compareMemory(service: RunningService): Promise<void> {
  const models = (await (await service.get('/v1/models')).json()) as { data: { memory: Record<string, number>; precision: object | null; self_test: object }[] }
  const { memory, precision } = present(models.data[0])
  const engine = present(childPids(present(service.process.pid))[0])
  const anonymous = present(privateBytesIn(readFileSync(`/proc/${engine}/status`, 'utf8')) ?? undefined)
  const predicted = present(memory.weight_bytes) + present(memory.budget_bytes)
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  // The arena never shrinks, so this is the largest pass of the run, at most one of the whole budget.
  report('memory of the engine', anonymous <= (1 + MEMORY_SHARE) * predicted, `${mebibytes(anonymous)}, predicted up to ${mebibytes(predicted)}`)
  report('memory of the front process', true, mebibytes(present(memory.front_bytes)))
  if (precision !== null) report('int8', true, JSON.stringify(precision))
}

async function run(folder: string): Promise<void> {
  const asked = questions()
  const oracle = askOracle(folder, asked)
  const start = (precision: string): Promise<RunningService> =>
    startListening({ LOGPR_MODEL: folder, LOGPR_PRECISION: precision, LOGPR_BATCH_TIMEOUT_MS: '600000', LOGPR_DEADLINE_MS: '600000' })
  for (const precision of ['auto', 'int8']) {
    const began = Date.now()
    const service = await start(precision)
    try {
      await untilReady(service)
      report(`start with --precision ${precision}, self-test included`, true, `${((Date.now() - began) / 1000).toFixed(1)} s`)
      if (precision === 'auto') {
        await compareTexts(service, asked, oracle)
        await compareConversations(service, asked, oracle)
        await comparePairs(service, asked, oracle)
      }
      await compareMemory(service)
    } finally {
      await service.stop()
    }
  }
}

const folder = resolve(process.argv[2] ?? join(PACKAGE_FOLDER, '.models', 'gemma-3-270m', 'model'))
if (!existsSync(join(folder, 'model.onnx'))) {
  process.stderr.write(`${folder} has no model: write it with scripts/models/real/gemma.py\n`)
  process.exit(2)
}
await run(folder)
process.exit(failures === 0 ? 0 : 1)
