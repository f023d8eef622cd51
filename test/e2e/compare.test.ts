/** `logpr compare` as a process, and the example of its guide. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { codeBlocks, readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'
import { logpr } from '../support/run-logpr.ts'
import { startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Report {
  readonly texts: number
  readonly texts_with_other_start: number
  readonly tokens: number
  readonly failed: number
  readonly same_top: number
  readonly delta: { readonly mean: number; readonly mean_absolute: number; readonly min: number; readonly max: number } | null
  readonly a: { readonly log_prob: number; readonly perplexity_per_token: number }
  readonly b: { readonly log_prob: number; readonly perplexity_per_token: number }
  readonly worst: readonly { readonly line: number; readonly position: number; readonly delta: number }[]
  readonly within_limit?: boolean
}

interface Score {
  readonly tokens: readonly { readonly part: string; readonly log_prob: number; readonly top: readonly { readonly id: number }[] }[]
}

const TEXTS = ['The children ran down to the river.', 'It was a cold day, and the boat was gone.', 'He went home, and that was all.']

async function compared(argv: readonly string[], cwd: string): Promise<{ code: number; report: Report }> {
  const { code, stdout, stderr } = await logpr(['compare', ...argv, '--json'], { cwd })
  assert.notEqual(stdout, '', stderr)
  return { code, report: JSON.parse(stdout) as Report }
}

/** The tokens of each text by `logpr score`. */
async function scored(precision: string): Promise<Score['tokens'][]> {
  const input = TEXTS.map((y) => `${JSON.stringify({ x: '', y })}\n`).join('')
  const { stdout } = await logpr(['score', '--precision', precision, '--detail', 'tokens', '--top-logprobs', '1'], { input })
  return stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Score).tokens.filter(({ part }) => part === 'y'))
}

describe('logpr compare', () => {
  test('gives the differences of two runs of logpr score', async (t) => {
    const cwd = tempFolder(t, { 'texts.txt': `${TEXTS.join('\n')}\n\n` })
    const { code, report } = await compared(['--precision-b', 'int8', '--data', 'texts.txt', '--worst', '1000', '--figure', 'delta.svg'], cwd)
    const [a, b] = [await scored('auto'), await scored('int8')]
    const deltas = a.map((tokens, i) => tokens.map(({ log_prob }, k) => present(b[i]?.[k]).log_prob - log_prob))
    const all = deltas.flat()
    const same = a.flatMap((tokens, i) => tokens.map(({ top }, k) => present(top[0]).id === present(b[i]?.[k]?.top[0]).id))
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
    // A token differs by up to 4e-6 nats between batches of float32.
    const near = (own: number | undefined, expected: number, tolerance = 1e-5): void =>
      assert.ok(Math.abs(present(own) - expected) < tolerance, `${own} is not ${expected}`)
    assert.deepEqual([code, report.texts, report.failed, report.tokens, report.worst.length], [0, 3, 0, all.length, all.length])
    near(report.delta?.mean, sum(all) / all.length, 1e-6)
    near(report.delta?.mean_absolute, sum(all.map(Math.abs)) / all.length, 1e-6)
    near(report.delta?.min, Math.min(...all))
    near(report.delta?.max, Math.max(...all))
    near(report.same_top, same.filter(Boolean).length / same.length)
    near(Math.log(report.b.perplexity_per_token), -sum(b.flat().map(({ log_prob }) => log_prob)) / all.length)
    for (const { line, position, delta } of report.worst) near(delta, present(deltas[line - 1]?.[position]))
    assert.ok(present(report.delta).mean_absolute > 0.001)
    assert.match(readFileSync(join(cwd, 'delta.svg'), 'utf8'), /the included model, int8 against the included model, fp32/)
  })

  test('exits with 1 above the limit, for texts that fail, and when nothing can be compared', async (t) => {
    const lines = [JSON.stringify({ text: TEXTS[0] }), '{"text": 1}', JSON.stringify({ text: 'a '.repeat(900) })]
    const cwd = tempFolder(t, { 'texts.txt': TEXTS.join('\n'), 'texts.jsonl': lines.join('\n'), 'none.txt': '\n' })
    const strict = await compared(['--precision-b', 'int8', '--data', 'texts.txt', '--max-mean-nats', '0.0001'], cwd)
    assert.deepEqual([strict.code, strict.report.within_limit], [1, false])
    const failing = await compared(['--data', 'texts.jsonl', '--field', 'text', '--max-mean-nats', '0'], cwd)
    assert.deepEqual([failing.code, failing.report.failed, failing.report.texts, failing.report.within_limit], [1, 2, 1, true])
    assert.deepEqual([failing.report.delta?.max, failing.report.same_top], [0, 1])
    const none = await compared(['--data', 'none.txt', '--max-mean-nats', '1'], cwd)
    assert.deepEqual([none.code, none.report.delta, none.report.within_limit], [1, null, false])
  })

  test('compares a server with the model here', async (t) => {
    const service = await startService()
    t.after(() => service.stop())
    const cwd = tempFolder(t, { 'texts.txt': TEXTS.join('\n') })
    const same = await compared(['', service.url, '--data', 'texts.txt', '--prefix', 'none'], cwd)
    assert.deepEqual([same.code, same.report.texts_with_other_start, same.report.same_top], [0, 0, 1])
    assert.ok(present(same.report.delta).mean_absolute < 1e-5, String(same.report.delta?.mean_absolute))
    const other = await compared(['', service.url, '--data', 'texts.txt'], cwd)
    assert.equal(other.report.texts_with_other_start, 3)
  })

  test('names the flag that is wrong', async (t) => {
    const cwd = tempFolder(t, { 'a.txt': 'a b' })
    for (const [argv, code, message] of [
      [[], 2, /compare needs texts: --data FILE/],
      [['m', '--data', 'a.txt'], 2, /compare needs two models or servers/],
      [['--data', 'none.txt'], 2, /there is no file "none\.txt"/],
      [['--data', 'a.txt', '--max-mean-nats', '-1'], 2, /--max-mean-nats must be a number of nats/],
      [['http://127.0.0.1:1', '', '--data', 'a.txt', '--precision-a', 'int8'], 2, /--precision-a is of a model loaded here, and A is a server/],
      [['http://127.0.0.1:1', '', '--data', 'a.txt'], 30, /cannot be reached/]
    ] as const) {
      const ended = await logpr(['compare', ...argv], { cwd })
      assert.deepEqual([ended.code, ended.stdout], [code, ''], argv.join(' '))
      assert.match(ended.stderr, message)
    }
  })

  test('prints the numbers of docs/guides/compare.md', async (t) => {
    const page = readPage('docs/guides/compare.md')
    const [texts, table] = codeBlocks(page, 'text')
    const command = present(codeBlocks(page, 'bash').find((block) => block.includes('--precision-b int8')))
    const cwd = tempFolder(t, { 'texts.txt': present(texts) })
    const { code, stdout } = await logpr(command.trim().replace('npx logpr ', '').split(' '), { cwd })
    assert.equal(code, 0)
    const numbers = (text: string): number[] => (text.match(/-?\d+\.\d+/g) ?? []).map(Number)
    const withoutNumbers = (text: string): string => text.trim().replaceAll(/ *-?\d+\.\d+/g, ' #')
    assert.equal(withoutNumbers(stdout), withoutNumbers(present(table)))
    // Further digits depend on the processor.
    for (const [i, number] of numbers(present(table)).entries()) assert.ok(Math.abs(present(numbers(stdout)[i]) - number) < 0.01, String(number))
  })
})
