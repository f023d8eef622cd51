/**
 * Serves a real model and compares it with transformers: `npm run test:real -- [MODEL_FOLDER]`, with a folder that a
 * script of scripts/models/real/ wrote (default .models/gemma-3-270m/model) and PYTHON the interpreter of the oracle.
 * Prints one line per comparison and exits 1 if one of them fails.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from '../support/present.ts'
import type { RunningService } from '../support/running-service.ts'
import { compareBatches, compareMemory } from './memory.ts'
import { type Pair, type Questions, questions } from './questions.ts'
import { hasFailed, type Result, report, scored, startOn } from './service.ts'

/** Largest difference of a token from float64, and of the mean, nats. The largest of 10,777 of Gemma 3 was 1.1e-4. */
const TOKEN_NATS = 2e-4
const MEAN_NATS = 5e-6
/** lm-evaluation-harness sums log-probabilities in float32. */
const SENTENCE_NATS = 2e-3
/** Texts of one request that fills batches and the prefix cache. */
const TEXTS_AT_ONCE = 70

interface Oracle {
  readonly texts: readonly { readonly ids: readonly number[]; readonly log_probs: readonly number[] }[]
  readonly code: readonly (readonly number[])[]
  readonly conversations: readonly (readonly number[])[]
  readonly pairs: readonly (readonly [number, number])[]
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

/** A warning or failure of a check, a token without offset, or parts that do not spell x and y. */
function alarmsOf({ tokens, checks, boundary }: Result, { x, y }: Pair): string[] {
  // That x and y are tokenized apart is no false alarm.
  const isExpected = (id: string): boolean => id === 'boundary' && boundary.policy === 'split'
  const alarms = checks.items.filter(({ id, status }) => (status === 'warn' || status === 'fail') && !isExpected(id)).map(({ id }) => id)
  if (tokens.some(({ part, bytes, char_start }) => part !== 'prefix' && bytes !== '' && char_start === null)) alarms.push('offsets')
  const spelled = (wanted: string): string =>
    Buffer.concat(tokens.flatMap(({ part, bytes }) => (part === wanted ? [Buffer.from(bytes, 'base64')] : []))).toString()
  if (spelled('x') !== x || spelled('y') !== y) alarms.push('text')
  return alarms
}

async function compareTexts(
  service: RunningService,
  what: string,
  texts: readonly Pair[],
  expected: readonly (readonly number[])[]
): Promise<(Result | null)[]> {
  const results = await scored(service, texts)
  const alarms: string[] = []
  const wrongIds: number[] = []
  let split = 0
  for (const [i, text] of texts.entries()) {
    const result = results[i] ?? null
    if (result !== null) alarms.push(...alarmsOf(result, text).map((id) => `${id} in text ${i}`))
    // Where a token would span x and y they are tokenized apart; transformers was asked for x + y.
    if (result === null || result.boundary.policy === 'split') split++
    else if (result.tokens.map(({ id }) => id).join() !== expected[i]?.join()) wrongIds.push(i)
  }
  report(
    `ids of ${what}`,
    wrongIds.length === 0,
    `${texts.length - split} of ${texts.length} compared, ${split} split at x, wrong: ${wrongIds.join() || 'none'}`
  )
  report(`false alarms of ${what}`, alarms.length === 0, alarms.join(', ') || `0 in ${texts.length}`)
  return results
}

function compareLogProbs(results: readonly (Result | null)[], oracle: Oracle): void {
  const differences = results.flatMap((result, i) => {
    const expected = present(oracle.texts[i])
    if (result === null || result.tokens.map(({ id }) => id).join() !== expected.ids.join()) return []
    return result.tokens.slice(1).map(({ log_prob: logProb }, t) => present(logProb) - present(expected.log_probs[t]))
  })
  const max = differences.reduce((most, each) => Math.max(most, Math.abs(each)), 0)
  const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length
  const tooHigh = differences.filter((each) => each > 0).length
  const figures = `${differences.length} tokens, max ${max.toExponential(1)}, mean ${mean.toExponential(1)} nats, ${tooHigh} too high`
  report('log-probabilities and float64', max <= TOKEN_NATS && Math.abs(mean) <= MEAN_NATS, figures)
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
  const sentences = pairs.flatMap(({ good, bad }) => [good, bad]).map((y) => ({ x: '', y }))
  const joints = (await scored(service, sentences)).map((result) => present(result ?? undefined).log_prob.joint)
  for (const i of pairs.keys()) {
    const own = [present(joints[2 * i]), present(joints[2 * i + 1])] as const
    const [expectedGood, expectedBad] = present(oracle.pairs[i])
    most = Math.max(most, Math.abs(own[0] - expectedGood), Math.abs(own[1] - expectedBad))
    if (own[0] > own[1] === expectedGood > expectedBad) sameChoice++
  }
  const figures = `${sameChoice} of ${pairs.length} choices equal, max ${most.toExponential(1)} nats`
  report('BLiMP and lm-eval hf', most <= SENTENCE_NATS && sameChoice === pairs.length, figures)
}

async function compareAll(service: RunningService, asked: Questions, oracle: Oracle): Promise<void> {
  const texts = oracle.texts.map(({ ids }) => ids)
  compareLogProbs(await compareTexts(service, 'texts', asked.texts, texts), oracle)
  await compareTexts(service, 'code', asked.code, oracle.code)
  await compareConversations(service, asked, oracle)
  await comparePairs(service, asked, oracle)
}

async function run(folder: string): Promise<void> {
  const asked = questions()
  const oracle = askOracle(folder, asked)
  for (const settings of [{}, { LOGPR_PACKING: 'false' }, { LOGPR_PRECISION: 'int8' }]) {
    const service = await startOn(folder, settings)
    try {
      if (Object.keys(settings).length === 0) await compareAll(service, asked, oracle)
      // The prefix cache keeps what comes a second time.
      for (const time of ['once', 'again']) {
        const { status } = await service.post('/v1/logprob', { pairs: asked.code.slice(0, TEXTS_AT_ONCE) })
        report(`${TEXTS_AT_ONCE} texts in one request, ${time}`, status === 200, `status ${status}`)
      }
      await compareMemory(service, folder, settings.LOGPR_PRECISION ?? 'auto')
      await compareBatches(service)
    } finally {
      await service.stop()
    }
  }
}

const folder = resolve(process.argv[2] ?? join(PACKAGE_FOLDER, '.models', 'gemma-3-270m', 'model'))
if (!existsSync(join(folder, 'model.onnx'))) {
  process.stderr.write(`${folder} has no model: write it with a script of scripts/models/real/\n`)
  process.exit(2)
}
await run(folder)
process.exit(hasFailed() ? 1 : 0)
