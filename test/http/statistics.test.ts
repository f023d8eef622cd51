import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { STATISTICS, type Statistics } from '../../src/statistics/statistics.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { present } from '../support/present.ts'

/** Computed by transformers in float64, NumPy and Python's zlib: test/oracle/check_statistics.py. */
const { texts } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'statistics', 'expected.json'), 'utf8')) as {
  readonly texts: readonly { readonly x: string; readonly y: string; readonly log_prob_std: readonly number[]; readonly statistics: Required<Statistics> }[]
}
/** A statistic of float32 log-probabilities, which differ from float64 by up to 7e-5 nats. */
const TOLERANCE = 1e-4
const FIRST = present(texts[1])

interface Result {
  readonly statistics?: Statistics
  readonly tokens?: readonly { readonly part: string; readonly entropy: number | null; readonly log_prob_std: number | null }[]
  readonly warnings: readonly { readonly code: string }[]
  readonly log_prob: { readonly conditional: number }
}

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

async function resultsOf(body: object): Promise<readonly Result[]> {
  const response = await service.post('/v1/logprob', body)
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return (JSON.parse(text) as { readonly results: readonly Result[] }).results
}

function assertClose(actual: number | null | undefined, expected: number | null): void {
  assert.ok(typeof actual === 'number' && Math.abs(actual - (expected ?? Number.NaN)) <= TOLERANCE, `${actual} is not ${expected}`)
}

describe('POST /v1/logprob with statistics', () => {
  test('agrees with transformers in float64 and the published formulas', async () => {
    const results = await resultsOf({ pairs: texts.map(({ x, y }) => ({ x, y })), statistics: STATISTICS })
    results.forEach(({ statistics }, i) => {
      for (const name of STATISTICS) assertClose(statistics?.[name], present(texts[i]).statistics[name])
    })
  })

  test('token details have the standard deviation of the log-probability', async () => {
    const results = await resultsOf({ pairs: texts.map(({ x, y }) => ({ x, y })), detail: 'tokens' })
    results.forEach(({ tokens }, i) => {
      const deviations = present(tokens).filter(({ part }) => part === 'y')
      assert.equal(deviations.length, present(texts[i]).log_prob_std.length)
      deviations.forEach(({ log_prob_std }, t) => assertClose(log_prob_std, present(present(texts[i]).log_prob_std[t])))
      assert.equal(tokens?.[0]?.log_prob_std, null)
    })
  })

  test('are absent unless requested', async () => {
    const [result] = await resultsOf({ x: FIRST.x, y: FIRST.y })
    assert.ok(result !== undefined && !('statistics' in result))
  })

  test('leave out the end token, which is no text', async () => {
    const [scored] = await resultsOf({ x: FIRST.x, y: FIRST.y, eos: 'score', statistics: STATISTICS })
    for (const name of STATISTICS) assertClose(scored?.statistics?.[name], FIRST.statistics[name])
  })

  test('are the same in a stream, beside other outputs, and with the scores of y alone', async () => {
    const y = [FIRST.y, ' there was a king.']
    const plain = await resultsOf({ x: FIRST.x, y, statistics: STATISTICS })
    const alone = await resultsOf({ x: FIRST.x, y, statistics: STATISTICS, terms: ['conditional'] })
    const stream = await service.post('/v1/logprob', { x: FIRST.x, y, statistics: STATISTICS }, { headers: { accept: 'application/x-ndjson' } })
    const lines = (await stream.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Result & { readonly index: number })
    for (const results of [alone, lines.sort((a, b) => a.index - b.index)])
      results.forEach(({ statistics }, i) => {
        for (const name of STATISTICS) assertClose(statistics?.[name], present(plain[i]?.statistics?.[name]))
      })
    assertClose(plain[0]?.statistics?.sampling_discrepancy, FIRST.statistics.sampling_discrepancy)
  })

  test('of a token are defined', async () => {
    const [result] = await resultsOf({ x: 'The', y: ' man', statistics: STATISTICS, min_k_percent: 1 })
    for (const name of STATISTICS) assert.equal(typeof result?.statistics?.[name], 'number')
    assert.equal(result?.statistics?.min_k, result?.log_prob.conditional)
    assert.equal(result?.statistics?.min_k_plus_plus, result?.statistics?.sampling_discrepancy)
  })

  test('of an empty y with an end token are null, with a warning each', async () => {
    const [result] = await resultsOf({ x: 'The', y: '', eos: 'score', statistics: STATISTICS })
    assert.deepEqual(result?.statistics, { min_k: null, min_k_plus_plus: null, zlib_ratio: null, sampling_discrepancy: null })
    assert.equal(result.warnings.filter(({ code }) => code === 'statistic_undefined').length, 4)
  })

  test('follow x where it was truncated', async () => {
    const long = `${'The old man walked down the road. '.repeat(120)}${FIRST.x}`
    const [result] = await resultsOf({ x: long, y: FIRST.y, on_overflow: 'truncate_left', statistics: STATISTICS })
    for (const name of STATISTICS) assert.equal(typeof result?.statistics?.[name], 'number')
    assert.notEqual(result?.statistics?.min_k, FIRST.statistics.min_k)
  })

  const WRONG: readonly (readonly [string, object, string])[] = [
    ['an unknown statistic', { statistics: ['perplexity'] }, 'statistics/0'],
    ['no statistic', { statistics: [] }, 'statistics'],
    ['a statistic twice', { statistics: ['min_k', 'min_k'] }, 'statistics'],
    ['a percentage of 0', { statistics: ['min_k'], min_k_percent: 0 }, 'min_k_percent'],
    ['a percentage above 100', { statistics: ['min_k'], min_k_percent: 101 }, 'min_k_percent'],
    ['a percentage without its statistic', { statistics: ['zlib_ratio'], min_k_percent: 10 }, 'min_k_percent'],
    ['terms that do not score y', { statistics: ['min_k'], terms: ['marginal'] }, 'statistics']
  ]
  for (const [what, body, param] of WRONG)
    test(`${what} is a 400 that names the field`, async () => {
      const response = await service.post('/v1/logprob', { x: 'The', y: ' man', ...body })
      const text = await response.text()
      assert.equal(response.status, 400, text)
      assert.equal((JSON.parse(text) as { readonly error: { readonly param: string } }).error.param, param)
    })
})
