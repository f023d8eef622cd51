/** Lengths at their limits, with a model of 512 tokens of context. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { type LogprobResultBody, logprobBody, problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

const CONTEXT = 512
const PREFIX_ID = 0
/** Nats a token: float32 rounding of the same tokens in a batch of another shape. */
const TOLERANCE = 1e-4

let service: HttpApp
let tokenizer: HuggingFaceTokenizer
before(async () => {
  tokenizer = await loadHuggingFaceTokenizer(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
  service = await startApp()
})
after(() => service.close())

/** A text of so many tokens, one a word; the words differ, so that a shift by one shows in the numbers. */
const WORDS = [' the', ' man', ' and', ' his', ' house', ' was', ' in', ' a']
const words = (count: number): string => Array.from({ length: count }, (_, i) => WORDS[(i * 3 + (i >> 3)) % WORDS.length]).join('')
const ids = (text: string): number[] => tokenizer.encode(text, false)

async function resultsOf(body: object): Promise<readonly LogprobResultBody[]> {
  const response = await service.post('/v1/logprob', { detail: 'tokens', ...body })
  assert.equal(response.status, 200, await response.clone().text())
  return (await logprobBody(response)).results
}

async function resultOf(body: object): Promise<LogprobResultBody> {
  const [result] = await resultsOf(body)
  assert.ok(result !== undefined)
  return result
}

const statusOf = ({ checks }: LogprobResultBody, id: string): string | undefined => checks.items.find((item) => item.id === id)?.status
const tokensOf = ({ tokens = [] }: LogprobResultBody, part: string): NonNullable<LogprobResultBody['tokens']> => tokens.filter((token) => token.part === part)

/** The sums are those of the tokens shown, the counts and the offsets those of the texts, and no check fails. */
function assertWhole(result: LogprobResultBody, { x, y }: { readonly x: string; readonly y: string }): void {
  assert.deepEqual(result.counts, {
    x: { tokens: ids(x).length, chars: x.length, bytes: x.length },
    y: { tokens: ids(y).length, chars: y.length, bytes: y.length }
  })
  for (const [part, text] of [
    ['x', x],
    ['y', y]
  ] as const) {
    const tokens = tokensOf(result, part)
    assert.deepEqual(
      tokens.map(({ id }) => id),
      ids(text)
    )
    for (const token of tokens) assert.equal(text.slice(present(token.char_start), present(token.char_end)), token.text)
    assert.equal(tokens.length === 0 ? 0 : tokens.at(-1)?.byte_end, text.length)
  }
  const sumOf = (part: string): number => tokensOf(result, part).reduce((sum, token) => sum + present(token.log_prob), 0)
  assert.ok(Math.abs(present(result.log_prob.conditional) - sumOf('y') - sumOf('eos')) < 1e-9)
  assert.ok(Math.abs(present(result.log_prob.marginal) - sumOf('x')) < 1e-9)
  assert.equal(result.checks.verdict, 'pass')
}

function assertSameNumbers(a: LogprobResultBody, b: LogprobResultBody): void {
  assert.deepEqual(
    a.tokens?.map(({ id, part }) => [id, part]),
    b.tokens?.map(({ id, part }) => [id, part])
  )
  for (const [i, { part, log_prob: logProb }] of present(a.tokens).entries()) {
    const other = present(b.tokens?.[i]).log_prob
    if (part === 'prefix') assert.deepEqual([logProb, other], [null, null])
    else assert.ok(Math.abs(present(logProb) - present(other)) <= TOLERANCE)
  }
  assert.deepEqual(a.counts, b.counts)
}

describe('a sequence at the limit of the context', () => {
  for (const eos of ['none', 'score'] as const) {
    const others = eos === 'score' ? 2 : 1
    for (const total of [CONTEXT - 1, CONTEXT]) {
      test(`of ${total} tokens, eos ${eos}: the same as text and as ids`, async () => {
        const pair = { x: words(total - others - 3), y: words(3) }
        const asText = await resultOf({ ...pair, eos })
        const asIds = await resultOf({ x: ids(pair.x), y: ids(pair.y), eos })
        assert.equal(asText.tokens?.length, total)
        assertWhole(asText, pair)
        assertSameNumbers(asText, asIds)
        assert.equal(typeof asText.log_prob_eos, eos === 'score' ? 'number' : 'undefined')
      })
    }

    test(`of ${CONTEXT + 1} tokens, eos ${eos}: refused with both numbers, as text and as ids`, async () => {
      const pair = { x: words(CONTEXT + 1 - others - 3), y: words(3) }
      for (const body of [pair, { x: ids(pair.x), y: ids(pair.y) }]) {
        const response = await service.post('/v1/logprob', { ...body, eos })
        const problem = await problemBody(response)
        assert.deepEqual([response.status, problem.code], [400, 'context_length_exceeded'])
        assert.match(problem.detail, /513 tokens.* 512 tokens/)
      }
    })
  }

  test('without prefix token there is room for one token more', async () => {
    const pair = { x: words(CONTEXT - 3), y: words(3) }
    const result = await resultOf({ ...pair, prefix_token: 'none' })
    assert.equal(result.tokens?.length, CONTEXT)
    assert.equal((await service.post('/v1/logprob', pair)).status, 400)
  })
})

describe('short parts', () => {
  test('y that is the end token alone: conditional is log_prob_eos, and there is no length to normalize by', async () => {
    const result = await resultOf({ x: words(4), y: '', eos: 'score' })
    assert.equal(result.log_prob.conditional, result.log_prob_eos)
    assert.equal(result.normalized, null)
    assert.deepEqual(result.counts.y, { tokens: 0, chars: 0, bytes: 0 })
    assert.deepEqual(
      result.tokens?.map(({ part }) => part),
      ['prefix', 'x', 'x', 'x', 'x', 'eos']
    )
    assert.deepEqual([result.checks.verdict, result.tokens?.at(-1)?.byte_start], ['pass', null])
    assertSameNumbers(result, await resultOf({ x: ids(words(4)), y: [[]], eos: 'score' }))
  })

  test('x and y both empty: the end token right after the prefix token', async () => {
    const result = await resultOf({ x: '', y: '', eos: 'score' })
    assert.equal(result.log_prob.marginal, 0)
    assert.equal(result.log_prob.joint, result.log_prob_eos)
  })

  test('y of one token', async () => {
    const pair = { x: words(4), y: ' the' }
    const result = await resultOf(pair)
    assertWhole(result, pair)
    assert.equal(result.normalized.per_token, result.log_prob.conditional)
    assert.equal(result.log_prob.conditional, tokensOf(result, 'y')[0]?.log_prob)
  })

  test('empty x: marginal is exactly 0, joint is conditional', async () => {
    const pair = { x: '', y: words(5) }
    const result = await resultOf(pair)
    assertWhole(result, pair)
    assert.equal(result.log_prob.marginal, 0)
    assert.equal(result.log_prob.joint, result.log_prob.conditional)
    assertSameNumbers(result, await resultOf({ x: [], y: ids(pair.y) }))
  })

  test('x of one token', async () => {
    const pair = { x: 'The', y: ' man' }
    const result = await resultOf(pair)
    assertWhole(result, pair)
    assert.equal(result.log_prob.marginal, tokensOf(result, 'x')[0]?.log_prob)
  })

  test('y longer than x, up to the whole context', async () => {
    const pair = { x: 'The', y: words(CONTEXT - 2) }
    assertWhole(await resultOf(pair), pair)
  })

  test('x of one token without prefix token: no marginal, and conditional all the same', async () => {
    const result = await resultOf({ x: 'The', y: ' man', prefix_token: 'none' })
    const [first, second] = present(result.tokens)
    assert.deepEqual([first?.log_prob, result.log_prob.marginal], [null, null])
    assert.equal(result.log_prob.conditional, second?.log_prob)
    assert.equal(statusOf(result, 'first_token'), 'warn')
  })

  test('x of no token without prefix token is refused', async () => {
    for (const x of ['', []]) {
      const response = await service.post('/v1/logprob', { x, y: ' man', prefix_token: 'none' })
      assert.deepEqual([response.status, (await problemBody(response)).code], [422, 'no_prefix_token'])
    }
  })
})

describe('truncate_left', () => {
  const cut = (body: object): Promise<LogprobResultBody> => resultOf({ ...body, on_overflow: 'truncate_left' })

  test('at exactly the limit drops nothing', async () => {
    const pair = { x: words(CONTEXT - 4), y: words(3) }
    assertWhole(await cut(pair), pair)
  })

  test('one token over drops one, and says so everywhere', async () => {
    const pair = { x: words(CONTEXT - 3), y: words(3) }
    const result = await cut(pair)
    assert.deepEqual(result.log_prob, { joint: null, marginal: null, conditional: result.log_prob.conditional })
    assert.equal(result.tokens?.length, CONTEXT)
    assert.equal(result.counts.x.tokens, CONTEXT - 4)
    assert.equal(result.counts.x.bytes, pair.x.length - ' the'.length)
    assert.deepEqual([statusOf(result, 'length'), statusOf(result, 'round_trip')], ['warn', 'pass'])
    assert.match(present(result.warnings[0]?.message), /first 1 tokens of x/)
    for (const part of ['x', 'y'] as const)
      for (const token of tokensOf(result, part)) assert.equal(pair[part].slice(present(token.char_start), present(token.char_end)), token.text)
    assert.equal(tokensOf(result, 'x')[0]?.char_start, ' the'.length)
    const rest = await resultOf({ x: pair.x.slice(' the'.length), y: pair.y })
    assert.ok(Math.abs(present(rest.log_prob.conditional) - present(result.log_prob.conditional)) <= TOLERANCE)
  })

  test('far over, as ids', async () => {
    const x = ids(words(3000))
    const result = await cut({ x, y: ids(words(3)) })
    assert.deepEqual(
      tokensOf(result, 'x').map(({ id }) => id),
      x.slice(-(CONTEXT - 4))
    )
    assert.equal(tokensOf(result, 'x').at(-1)?.byte_end, words(3000).length)
  })

  test('y that leaves room for one token of x keeps the last', async () => {
    const result = await cut({ x: words(10), y: words(CONTEXT - 2) })
    assert.deepEqual(
      tokensOf(result, 'x').map(({ id, byte_end: end }) => [id, end]),
      [[ids(words(10)).at(-1), words(10).length]]
    )
    assert.deepEqual([tokensOf(result, 'y').length, statusOf(result, 'round_trip'), result.tokens?.[0]?.id], [CONTEXT - 2, 'pass', PREFIX_ID])
  })

  test('y that leaves room for no token of x is refused, since nothing of x would count', async () => {
    const response = await service.post('/v1/logprob', { x: words(10), y: words(CONTEXT - 1), on_overflow: 'truncate_left' })
    assert.deepEqual([response.status, (await problemBody(response)).code], [400, 'context_length_exceeded'])
  })

  test('y that does not fit by itself is refused: y is never cut', async () => {
    const response = await service.post('/v1/logprob', { x: words(10), y: words(CONTEXT), on_overflow: 'truncate_left' })
    assert.deepEqual([response.status, (await problemBody(response)).code], [400, 'context_length_exceeded'])
  })
})

test('2,000 candidates for one x come in order, each as when it is alone', async () => {
  const x = words(6)
  const candidates = Array.from({ length: 2000 }, (_, i) => ` ${i} ${words(i % 5)}`)
  const results = await resultsOf({ x, y: candidates, detail: 'summary' })
  assert.deepEqual(
    results.map(({ index, candidate, counts, error }) => [index, candidate, counts.y.bytes, error]),
    candidates.map((y, i) => [i, i, y.length, undefined])
  )
  for (const i of [0, 999, 1999]) {
    const alone = await resultOf({ x, y: candidates[i] })
    assert.ok(Math.abs(present(alone.log_prob.joint) - present(results[i]?.log_prob.joint)) <= TOLERANCE)
  }
  const marginals = results.map(({ log_prob: terms }) => present(terms.marginal))
  assert.ok(Math.max(...marginals) - Math.min(...marginals) <= TOLERANCE)
})
