import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { present } from '../support/present.ts'

interface Word {
  readonly part: string
  readonly text: string
  readonly char_start: number
  readonly char_end: number
  readonly tokens: number
  readonly log_prob: number | null
  readonly surprisal_bits: number | null
  readonly log_prob_corrected: number | null
}

interface Result {
  readonly words: readonly Word[]
  readonly log_prob: { readonly conditional: number; readonly joint: number }
  readonly counts: { readonly y: { readonly tokens: number } }
  readonly warnings: readonly { readonly code: string }[]
  readonly error?: { readonly code: string; readonly param?: string }
}

/** Computed by transformers in float64 and NumPy: test/oracle/check_words.py. */
const CASES = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'scoring', 'words', 'expected.json'), 'utf8')) as readonly {
  readonly x: string
  readonly y: string
  readonly words: readonly Omit<Word, 'tokens' | 'surprisal_bits'>[]
}[]
/** Float32 differs from float64 by up to 7e-5 nats per token, and the longest word here has 12 tokens. */
const TOLERANCE = 1e-3
const X = 'Once upon a time there was'
const Y = ' a little girl.'

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

async function answerOf(body: object): Promise<{ readonly status: number; readonly results: readonly Result[]; readonly error?: { readonly param: string } }> {
  const response = await service.post('/v1/logprob', { detail: 'words', ...body })
  return { status: response.status, ...((await response.json()) as { readonly results: readonly Result[] }) }
}

async function wordsOf(body: object): Promise<readonly Word[]> {
  const { status, results } = await answerOf(body)
  assert.equal(status, 200)
  return present(results[0]).words
}

function assertClose(actual: number | null, expected: number | null, what: string): void {
  if (expected === null) assert.equal(actual, null, what)
  else assert.ok(actual !== null && Math.abs(actual - expected) <= TOLERANCE, `${what}: ${actual} is not ${expected}`)
}

const texts = (words: readonly Word[]): string[] => words.map(({ text }) => text)

describe('POST /v1/logprob with detail words', () => {
  for (const { x, y, words } of CASES)
    test(`agrees with transformers in float64 and the formula of the correction: ${JSON.stringify(x + y)}`, async () => {
      const found = await wordsOf({ x, y })
      assert.deepEqual(
        found.map(({ part, text, char_start, char_end }) => ({ part, text, char_start, char_end })),
        words.map(({ part, text, char_start, char_end }) => ({ part, text, char_start, char_end }))
      )
      found.forEach(({ text, log_prob, log_prob_corrected, surprisal_bits }, i) => {
        assertClose(log_prob, present(words[i]).log_prob, text)
        assertClose(log_prob_corrected, present(words[i]).log_prob_corrected, `${text} corrected`)
        assert.equal(surprisal_bits, -present(log_prob) / Math.LN2)
      })
    })

  test('the words of a text without white space at its end add up to the sums', async () => {
    const { results } = await answerOf({ x: X, y: Y })
    const { words, log_prob } = present(results[0])
    const sum = (part: readonly Word[]): number => part.reduce((total, { log_prob }) => total + present(log_prob), 0)
    assert.ok(Math.abs(sum(words.filter(({ part }) => part === 'y')) - log_prob.conditional) < 1e-9)
    assert.ok(Math.abs(sum(words) - log_prob.joint) < 1e-9)
  })

  test('the scores of y do not depend on the scores of x, on other outputs, or on an end token', async () => {
    const own = (words: readonly Word[]): readonly Word[] => words.filter(({ part }) => part === 'y')
    const expected = own(await wordsOf({ x: X, y: Y }))
    for (const body of [{ terms: ['conditional'] }, { eos: 'score' }, { verify: 'deep' }]) {
      const found = own(await wordsOf({ x: X, y: Y, ...body }))
      assert.deepEqual(texts(found), texts(expected))
      found.forEach(({ log_prob_corrected }, i) => assertClose(log_prob_corrected, present(expected[i]).log_prob_corrected, JSON.stringify(body)))
    }
    const { results } = await answerOf({ x: X, y: [' an old', Y, ' an'] })
    own(present(results[1]).words).forEach(({ log_prob_corrected }, i) =>
      assertClose(log_prob_corrected, present(expected[i]).log_prob_corrected, 'beside other outputs')
    )
  })

  test('has the words of scored parts alone', async () => {
    assert.ok((await wordsOf({ x: X, y: Y, terms: ['conditional'] })).every(({ part }) => part === 'y'))
    assert.ok((await wordsOf({ x: X, y: Y, terms: ['marginal'] })).every(({ part, log_prob_corrected }) => part === 'x' && log_prob_corrected !== null))
  })

  test('a word that the end of x divides is a word of each, without a correction', async () => {
    const words = await wordsOf({ x: 'The ri', y: 'ver and the road' })
    assert.deepEqual(texts(words), ['The', 'ri', 'ver', 'and', 'the', 'road'])
    assert.deepEqual(
      words.map(({ log_prob_corrected }) => log_prob_corrected === null),
      [false, true, true, false, false, false]
    )
    assert.ok(words.every(({ log_prob }) => log_prob !== null))
  })

  test('spans take the place of words', async () => {
    const spans = [
      { part: 'x', char_start: 5, char_end: 16 },
      { part: 'y', char_start: 1, char_end: 9 },
      { part: 'y', char_start: 10, char_end: 14 }
    ]
    const whole = await wordsOf({ x: X, y: Y })
    const [time, little, girl] = await wordsOf({ x: X, y: Y, spans })
    assert.deepEqual([time?.text, little?.text, girl?.text], ['upon a time', 'a little', 'girl'])
    const sum = (...names: string[]): number => whole.filter(({ text }) => names.includes(text)).reduce((total, { log_prob }) => total + present(log_prob), 0)
    assertClose(present(time).log_prob, sum('upon', 'time') + present(whole[2]?.log_prob), 'upon a time')
    // The full stop follows without white space, so nothing says that the word ends.
    assert.equal(girl?.log_prob_corrected, null)
    assert.ok(present(girl).log_prob !== null)
  })

  test('a span that divides a token has no score', async () => {
    const [half, rest] = await wordsOf({
      x: X,
      y: Y,
      spans: [
        { part: 'y', char_start: 3, char_end: 6 },
        { part: 'y', char_start: 6, char_end: 9 }
      ]
    })
    assert.deepEqual([half?.text, half?.log_prob, rest?.text, rest?.log_prob], ['lit', null, 'tle', null])
  })

  test('a span of white space has no token of its own', async () => {
    const [space] = await wordsOf({ x: X, y: Y, spans: [{ part: 'y', char_start: 0, char_end: 1 }] })
    assert.deepEqual([space?.tokens, space?.log_prob], [0, null])
  })

  test('offsets count code points', async () => {
    const [word] = await wordsOf({ x: 'He said', y: ' \u{1F600} well', spans: [{ part: 'y', char_start: 3, char_end: 7 }] })
    assert.equal(word?.text, 'well')
  })

  test('the first word has no score without a prefix token before it', async () => {
    const words = await wordsOf({ x: X, y: Y, prefix_token: 'none' })
    assert.deepEqual([words[0]?.text, words[0]?.log_prob, words[0]?.log_prob_corrected], ['Once', null, null])
    assert.equal(typeof words[1]?.log_prob_corrected, 'number')
  })

  test('truncated words of x have no entry', async () => {
    const words = await wordsOf({ x: `${'The old man walked down the road. '.repeat(120)}He`, y: ' left', on_overflow: 'truncate_left' })
    assert.deepEqual(texts(words), ['left'])
  })

  test('a text of the full context has no corrected score at its end', async () => {
    const words = await wordsOf({ x: [...new Array(510).fill(5)], y: ' left' })
    assert.deepEqual([words.at(-1)?.text, words.at(-1)?.log_prob_corrected], ['left', null])
  })

  test('ids that end within a character have a warning instead of words', async () => {
    const { results } = await answerOf({ x: X, y: await halfOfACharacter() })
    const { words, warnings } = present(results[0])
    assert.ok(words.every(({ part }) => part === 'x'))
    assert.ok(warnings.some(({ code }) => code === 'words_not_located'))
  })

  async function halfOfACharacter(): Promise<readonly number[]> {
    const response = await service.post('/tokenize', { prompt: '東', add_special_tokens: false })
    return ((await response.json()) as { readonly tokens: readonly number[] }).tokens.slice(0, 1)
  }

  const WRONG: readonly (readonly [string, object, string])[] = [
    ['spans without detail words', { detail: 'tokens', spans: [{ part: 'y', char_start: 0, char_end: 1 }] }, 'spans'],
    ['an empty span', { spans: [{ part: 'y', char_start: 1, char_end: 1 }] }, 'spans/0'],
    ['a span behind the text', { spans: [{ part: 'y', char_start: 1, char_end: 99 }] }, 'spans'],
    [
      'spans that overlap',
      {
        spans: [
          { part: 'y', char_start: 1, char_end: 3 },
          { part: 'y', char_start: 2, char_end: 4 }
        ]
      },
      'spans/1'
    ],
    ['a negative offset', { spans: [{ part: 'y', char_start: -1, char_end: 3 }] }, 'spans/0/char_start'],
    ['another part', { spans: [{ part: 'z', char_start: 0, char_end: 3 }] }, 'spans/0/part'],
    ['spans of several outputs', { y: [' a', ' b'], spans: [{ part: 'y', char_start: 0, char_end: 1 }] }, 'spans'],
    ['spans beside pairs', { x: undefined, y: undefined, pairs: [{ x: 'a', y: ' b' }], spans: [{ part: 'y', char_start: 0, char_end: 1 }] }, 'spans'],
    ['top_logprobs', { top_logprobs: 3 }, 'top_logprobs']
  ]
  for (const [what, body, param] of WRONG)
    test(`${what}: a 400 that names the field`, async () => {
      const { status, error } = await answerOf({ x: X, y: Y, ...body })
      assert.deepEqual([status, error?.param], [400, param])
    })

  test('the error of a pair names its span', async () => {
    const pairs = [
      { x: X, y: Y },
      { x: X, y: Y, spans: [{ part: 'x', char_start: 0, char_end: 999 }] }
    ]
    const { results } = await answerOf({ pairs })
    assert.deepEqual([results[0]?.error, results[1]?.error?.param], [undefined, 'pairs/1/spans'])
  })
})
