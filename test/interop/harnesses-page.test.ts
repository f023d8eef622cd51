/**
 * Every command and program of docs/guides/harnesses.md, run as it stands there, and its numbers against those of
 * /v1/logprob: the same model by another way through the service. A page whose programs do not work, or a block that
 * nothing runs, fails here.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { LogprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { type RunningService, startService } from '../support/running-service.ts'
import { pageBlocks, runBlock } from './support/page-blocks.ts'
import { needing } from './support/python.ts'

const PAGE = readFileSync(join(PACKAGE_FOLDER, 'docs', 'guides', 'harnesses.md'), 'utf8')
/** The example text of the page is this followed by ` river`. */
const QUERY = 'The children ran down to the'
const DOCUMENTS = ['mathematics', 'river', 'garden gate']
/** Batches of different shapes differ in the last float32 digits. */
const NEAR = 1e-4

let service: RunningService
before(async () => {
  service = await startService()
})
after(() => service.stop())

/** Nats of y after x, and of all tokens but the first, which has none; tokens of y, and of both. */
async function scored(
  x: string,
  y: string,
  prefix_token: 'none' | 'auto' = 'none'
): Promise<{ conditional: number; joint: number; tokensOfY: number; tokens: number }> {
  const response = await service.post('/v1/logprob', { x, y, prefix_token })
  const [result] = ((await response.json()) as LogprobBody).results
  if (result === undefined) throw new Error('no result')
  const { log_prob, counts } = result
  return {
    conditional: present(log_prob.conditional),
    joint: present(log_prob.joint),
    tokensOfY: counts.y.tokens,
    tokens: counts.x.tokens + counts.y.tokens
  }
}

/**
 * Documents with their score, best first, as the page's rerankers have to give them: how much more probable the query
 * makes the document.
 */
async function ranking(): Promise<(readonly [index: number, score: number])[]> {
  const ratios = await Promise.all(
    DOCUMENTS.map(async (document) => (await scored(QUERY, ` ${document}`, 'auto')).conditional - (await scored('', ` ${document}`, 'auto')).conditional)
  )
  const ranked = ratios.map((ratio, index) => [index, 1 / (1 + Math.exp(-ratio))] as const).sort(([, a], [, b]) => b - a)
  assert.equal(DOCUMENTS[present(ranked.at(-1))[0]], 'mathematics')
  return ranked
}

const numbersOf = (output: string): number[][] =>
  output
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs(present(actual) - expected) < NEAR, `${actual} instead of ${expected}`)
}

async function assertRanking(output: string, count: number): Promise<void> {
  const expected = (await ranking()).slice(0, count)
  const printed = numbersOf(output)
  assert.deepEqual(
    printed.map(([index]) => index),
    expected.map(([index]) => index)
  )
  printed.forEach(([, score], place) => assertNear(score, expected[place]![1]))
}

async function assertSumOfText(output: string): Promise<void> {
  assertNear(numbersOf(output).at(-1)?.[0], (await scored(QUERY, ' river')).joint)
}

/** The share of last words that are more probable than their three alternatives. */
async function accuracyOfLastWords(): Promise<number> {
  const file = join(PACKAGE_FOLDER, 'test', 'interop', 'tasks', 'data', 'last-word.jsonl')
  const documents = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { context: string; options: string[]; answer: number })
  const hits = await Promise.all(
    documents.map(async ({ context, options, answer }) => {
      const body = { x: context, y: options.map((option) => ` ${option}`), prefix_token: 'none' }
      const { results } = (await (await service.post('/v1/logprob', body)).json()) as LogprobBody
      const logProbs = results.map(({ log_prob }) => present(log_prob?.conditional))
      return logProbs[answer] === Math.max(...logProbs)
    })
  )
  return hits.filter(Boolean).length / documents.length
}

async function assertAccuracy(output: string): Promise<void> {
  const [, printed] = present(/\|logpr_last_word *\|[^\n]*\|acc +\|[^|]*\| *([\d.]+)\|/.exec(output))
  assertNear(Number(printed), await accuracyOfLastWords())
}

/** Checks the output of each block. */
const EXPECTED: Readonly<Record<string, (output: string) => Promise<void>>> = {
  'lm-eval-remote': assertAccuracy,
  'lm-eval-huggingface': assertAccuracy,
  'lm-eval-gguf': assertAccuracy,
  'openai-python': assertSumOfText,
  'openai-node': assertSumOfText,
  async 'openai-chat-python'(output) {
    const messages = [{ role: 'user', content: 'Where did they run?' }]
    // Without a prefix token, which /v1/chat/completions does not add.
    const response = await service.post('/v1/logprob', { messages, y: ' To the river.', prefix_token: 'none' })
    const [result] = ((await response.json()) as LogprobBody).results
    assertNear(Number(output.trim()), present(present(result).log_prob.conditional))
  },
  async inspect(output) {
    const lines = Object.fromEntries(
      output.split('\n').flatMap((line) => (/^(\w*perplexity) (\d+) (\S+)$/.test(line) ? [[line.split(' ')[0], line.split(' ')]] : []))
    )
    const river = await scored(QUERY, ' river')
    assert.deepEqual([lines.perplexity?.[1], lines.target_perplexity?.[1]], [String(river.tokens - 1), String(river.tokensOfY)])
    assertNear(Number(lines.perplexity?.[2]), river.joint)
    assertNear(Number(lines.target_perplexity?.[2]), river.conditional)
  },
  'cohere-v2': (output) => assertRanking(output, 2),
  'cohere-v1': (output) => assertRanking(output, 3),
  'llama-index-tei': (output) => assertRanking(output, 3)
}

describe('docs/guides/harnesses.md', () => {
  const blocks = pageBlocks(PAGE)

  test('every program on the page is run', () => {
    assert.deepEqual(blocks.map(({ name }) => name).sort(), Object.keys(EXPECTED).sort())
    assert.equal(blocks.length, PAGE.match(/^```(?:bash|python|js)$/gm)?.length)
  })

  for (const block of blocks) {
    const modules = block.language === 'js' ? null : block.needs
    test(`its program ${block.name} gives the numbers of /v1/logprob`, modules === null ? {} : needing(...modules), async () => {
      const { code, stdout, stderr } = await runBlock(block, service.url)
      assert.equal(code, 0, stderr)
      await EXPECTED[block.name]!(stdout)
    })
  }
})
