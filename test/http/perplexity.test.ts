import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { present } from '../support/present.ts'

interface Case {
  readonly name: string
  readonly text?: string
  readonly file?: string
  readonly from?: number
  readonly to?: number
  readonly times?: number
  readonly options: { readonly window?: string; readonly max_length?: number; readonly stride?: number }
  readonly expected: Readonly<
    Record<'log_prob' | 'scored_tokens' | 'per_token' | 'per_word' | 'per_byte' | 'bits_per_byte' | 'words' | 'bytes' | 'chars', number>
  >
}

/** Computed by lm-evaluation-harness and transformers in float64: test/oracle/check_perplexity.py. */
const CASES = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'perplexity', 'texts.json'), 'utf8')) as readonly Case[]
/** Float32 differs from float64 by up to 7e-5 nats per token, in both directions. */
const TOLERANCE_PER_TOKEN = 2e-5

interface Result {
  readonly object: string
  readonly index: number
  readonly log_prob: number
  readonly counts: { readonly tokens: number; readonly scored_tokens: number; readonly bytes: number; readonly chars: number; readonly words: number }
  readonly perplexity: { readonly per_token: number | null; readonly per_word: number | null; readonly per_byte: number | null }
  readonly bits_per_byte: number
  readonly windows: {
    readonly kind: string
    readonly count: number
    readonly max_length: number
    readonly stride: number
    readonly prefix_token_id: number | null
  }
  readonly bucket?: string
  readonly statistics?: Readonly<Record<string, number>>
  readonly tokens?: readonly { readonly text: string; readonly log_prob: number | null; readonly rank: number | null; readonly context_tokens: number | null }[]
  readonly curve?: Readonly<Record<'position' | 'context', readonly { start: number; end: number; tokens: number; log_prob: number }[]>>
  readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string }[] }
  readonly warnings: readonly { readonly code: string }[]
  readonly error?: { readonly code: string; readonly param?: string }
}

interface Body {
  readonly results: readonly Result[]
  readonly corpus?: Pick<Result, 'log_prob' | 'counts' | 'perplexity' | 'bits_per_byte'> & {
    readonly texts: number
    readonly quantiles: readonly { readonly quantile: number; readonly perplexity: number }[]
  }
  readonly usage: { readonly prompt_tokens: number; readonly computed_tokens: number }
}

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

async function answered(body: object): Promise<Body> {
  const response = await service.post('/v1/perplexity', body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Body
}
const resultOf = async (body: object): Promise<Result> => present((await answered(body)).results[0])
async function problem(body: object): Promise<string> {
  const { status, code, error } = (await (await service.post('/v1/perplexity', body)).json()) as { status: number; code: string; error: { param: string } }
  return `${status} ${code} ${error.param}`
}

function textOf({ text, file, from = 0, to, times = 1 }: Case): string {
  const whole = text ?? readFileSync(join(PACKAGE_FOLDER, present(file)), 'utf8')
  return [...whole].slice(from, to).join('').repeat(times)
}
const TEXT = 'The children ran down to the river. It was a cold day, and the boat was gone. They went home.'
const PROSE = readFileSync(join(PACKAGE_FOLDER, 'scripts', 'golden', 'sentences.txt'), 'utf8')

describe('POST /v1/perplexity', () => {
  for (const each of CASES)
    test(`equals ${each.options.window === 'disjoint' ? 'lm-evaluation-harness' : "Hugging Face's recipe"}: ${each.name}`, async () => {
      const { expected } = each
      const found = await resultOf({ text: textOf(each), ...each.options })
      const { scored_tokens, words, bytes, chars } = found.counts
      assert.deepEqual(
        { scored_tokens, words, bytes, chars },
        { scored_tokens: expected.scored_tokens, words: expected.words, bytes: expected.bytes, chars: expected.chars }
      )
      const perToken = Math.abs(found.log_prob - expected.log_prob) / scored_tokens
      assert.ok(perToken <= TOLERANCE_PER_TOKEN, `${perToken} nats per token`)
      const rates = { ...found.perplexity, bits_per_byte: found.bits_per_byte }
      for (const name of ['per_token', 'per_word', 'per_byte', 'bits_per_byte'] as const) {
        const value = rates[name]
        if (value === null) assert.equal(value, expected[name], name)
        else assert.ok(Math.abs(value / expected[name] - 1) < 0.01, `${name}: ${value} is not ${expected[name]}`)
      }
      assert.equal(
        found.warnings.some(({ code }) => code === 'perplexity_too_large'),
        expected.per_word === null
      )
      assert.equal(found.checks.verdict, 'pass')
    })

  test('scores a text that fits into the context as /v1/logprob does, and in one pass', async () => {
    const { log_prob, counts } = await resultOf({ text: TEXT, prefix_token: 'single' })
    const response = (await (await service.post('/v1/logprob', { x: '', y: TEXT })).json()) as { results: { log_prob: { joint: number } }[] }
    assert.equal(log_prob.toFixed(3), response.results[0]?.log_prob.joint.toFixed(3))
    const { usage } = await answered({ text: `${TEXT} Once.`, prefix_token: 'single' })
    assert.ok(usage.computed_tokens <= counts.tokens + 3)
    assert.equal(counts.scored_tokens, counts.tokens)
  })

  test('computes each token of disjoint windows once', async () => {
    const { results, usage } = await answered({ text: PROSE.slice(0, 6000), window: 'disjoint', max_length: 100 })
    const { counts, windows } = present(results[0])
    assert.equal(windows.count, Math.ceil(counts.tokens / 100))
    // The last window is filled up with context.
    assert.ok(usage.computed_tokens < counts.tokens + 100, `${usage.computed_tokens} computed for ${counts.tokens}`)
  })

  test('tokenizes a long text in pieces to the ids of the whole text', async () => {
    const text = PROSE.slice(0, 18_000)
    const { results } = await answered({ text, window: 'disjoint', max_length: 64 })
    const { count } = (await (await service.post('/tokenize', { prompt: text, add_special_tokens: false })).json()) as { count: number }
    assert.equal(present(results[0]).counts.tokens, count)
    const tokens = present((await resultOf({ text, window: 'disjoint', max_length: 64, detail: 'tokens' })).tokens)
    assert.equal(tokens.map((token) => token.text).join(''), text)
  })

  test('leaves out the first token when nothing precedes it, and says so', async () => {
    const none = await resultOf({ text: TEXT, prefix_token: 'none', detail: 'tokens' })
    const single = await resultOf({ text: TEXT, prefix_token: 'single', detail: 'tokens' })
    assert.equal(none.counts.scored_tokens, none.counts.tokens - 1)
    assert.deepEqual([none.windows.prefix_token_id, single.windows.prefix_token_id], [null, 0])
    assert.deepEqual([none.warnings[0]?.code, single.warnings.length], ['conditional_on_first_token', 0])
    assert.deepEqual([none.tokens?.[0]?.log_prob, none.tokens?.length], [null, none.counts.tokens])
    assert.equal(single.tokens?.length, single.counts.tokens)
    assert.equal(single.tokens?.[0]?.context_tokens, 1)
  })

  test('shows tokens that add up to the sum, each with the context of its window', async () => {
    const { tokens, log_prob, windows } = await resultOf({ text: TEXT, max_length: 8, stride: 4, detail: 'tokens' })
    const scored = present(tokens).slice(1)
    assert.ok(Math.abs(scored.reduce((sum, token) => sum + present(token.log_prob), 0) - log_prob) < 1e-9)
    assert.deepEqual(
      scored.slice(0, 12).map(({ context_tokens }) => context_tokens),
      [1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 4]
    )
    assert.equal(windows.count, Math.ceil((present(tokens).length - 8) / 4) + 1)
    assert.ok(
      present(tokens)
        .slice(1)
        .every(({ rank }) => rank !== null && rank >= 1)
    )
  })

  test('adds up the same tokens by position and by context', async () => {
    const { curve, log_prob, counts } = await resultOf({ text: PROSE.slice(0, 3000), max_length: 32, detail: 'curve' })
    for (const points of [present(curve).position, present(curve).context]) {
      assert.equal(
        points.reduce((sum, { tokens }) => sum + tokens, 0),
        counts.scored_tokens
      )
      assert.ok(Math.abs(points.reduce((sum, point) => sum + point.log_prob, 0) - log_prob) < 1e-6)
      assert.ok(points.length <= 64 && points.every(({ start, end, tokens }) => end - start >= tokens || tokens > 64))
    }
    assert.equal(present(present(curve).context.at(-1)).end, 32)
  })

  test('adds up texts, and puts each into a bucket', async () => {
    const texts = ['The cat sat on the mat.', 'It was a cold day.', 'Mat the on sat cat the.', 'Zyx qq vlorp 17 !! wug.']
    const { results, corpus } = await answered({ texts, prefix_token: 'single', quantiles: [0, 0.5, 1], cutoffs: [30, 3000] })
    const found = present(corpus)
    const values = results.map(({ perplexity }) => present(perplexity.per_token)).sort((a, b) => a - b)
    assert.deepEqual(
      found.quantiles.map(({ perplexity }) => perplexity.toFixed(9)),
      [present(values[0]), (present(values[1]) + present(values[2])) / 2, present(values[3])].map((value) => value.toFixed(9))
    )
    assert.equal(
      found.log_prob,
      results.reduce((sum, { log_prob }) => sum + log_prob, 0)
    )
    assert.equal(found.perplexity.per_token, Math.exp(-found.log_prob / found.counts.scored_tokens))
    assert.deepEqual(
      results.map(({ bucket }) => bucket),
      results.map(({ perplexity: { per_token } }) => (present(per_token) <= 30 ? 'head' : present(per_token) <= 3000 ? 'middle' : 'tail'))
    )
    assert.equal(results[0]?.bucket === 'head' || results[1]?.bucket === 'head', true)
    assert.equal(results[3]?.bucket, 'tail')
  })

  test('has the statistics of /v1/logprob, over all windows', async () => {
    const statistics = ['min_k', 'min_k_plus_plus', 'zlib_ratio', 'sampling_discrepancy']
    const whole = await resultOf({ text: TEXT, prefix_token: 'single', statistics, min_k_percent: 30 })
    const response = (await (await service.post('/v1/logprob', { x: '', y: TEXT, statistics, min_k_percent: 30 })).json()) as {
      results: { statistics: Record<string, number> }[]
    }
    const rounded = (values: Readonly<Record<string, number>> | undefined): object =>
      Object.fromEntries(Object.entries(present(values)).map(([name, value]) => [name, value.toFixed(3)]))
    assert.deepEqual(rounded(whole.statistics), rounded(response.results[0]?.statistics))
    const { statistics: found, tokens } = await resultOf({ text: TEXT, max_length: 8, statistics: ['min_k'], min_k_percent: 100, detail: 'tokens' })
    const scored = present(tokens).slice(1)
    assert.equal(found?.min_k?.toFixed(9), (scored.reduce((sum, token) => sum + present(token.log_prob), 0) / scored.length).toFixed(9))
    assert.equal(await problem({ text: TEXT, min_k_percent: 30 }), '400 invalid_request min_k_percent')
  })

  test('gives a text that cannot be scored an error in its place', async () => {
    const { results, corpus } = await answered({ texts: ['The cat.', '', 'a', 'A \ud800 half'], prefix_token: 'none' })
    assert.deepEqual(
      results.map(({ error, object }) => (error === undefined ? object : `${error.code} ${error.param}`)),
      ['perplexity.result', 'invalid_request texts/1', 'no_prefix_token texts/2', 'invalid_text texts/3']
    )
    assert.equal(corpus?.texts, 1)
    assert.equal((await answered({ texts: ['', ''] })).corpus, undefined)
  })

  test('refuses wrong windows, naming the field', async () => {
    assert.equal(await problem({}), '400 invalid_request text')
    assert.equal(await problem({ text: 'a b', texts: ['a b'] }), '400 invalid_request texts')
    assert.equal(await problem({ text: '' }), '400 invalid_request text')
    assert.equal(await problem({ text: 'a b', max_length: 513 }), '400 context_length_exceeded max_length')
    assert.equal(await problem({ text: 'a b', max_length: 8, stride: 8 }), '400 invalid_request stride')
    assert.equal(await problem({ text: 'a b', window: 'disjoint', stride: 4 }), '400 invalid_request stride')
    assert.equal(await problem({ text: 'a b', max_length: 1 }), '400 invalid_request max_length')
    assert.equal(await problem({ text: 'a b', cutoffs: [3, 2] }), '400 invalid_request cutoffs')
    assert.equal(await problem({ text: 'word '.repeat(9000), max_length: 2, stride: 1 }), '400 invalid_request text')
    assert.equal(await problem({ text: 'word '.repeat(70_000), detail: 'tokens' }), '400 invalid_request detail')
  })

  test('refuses more texts than max-items', async () => {
    const limited = await startApp({ env: { LOGPR_MAX_ITEMS: '2' } })
    try {
      assert.equal((await limited.post('/v1/perplexity', { texts: ['a b', 'c d', 'e f'] })).status, 400)
    } finally {
      await limited.close()
    }
  })

  test('drops the windows of a text when its deadline passes', async () => {
    const text = PROSE.repeat(4)
    const response = await service.post('/v1/perplexity', { text }, { headers: { 'x-request-timeout-ms': '300' } })
    assert.ok([429, 504].includes(response.status), String(response.status))
    // Nothing of it holds up the next request for long.
    assert.equal((await resultOf({ text: TEXT })).checks.verdict, 'pass')
  })
})
