import assert from 'node:assert/strict'
import { test } from 'node:test'
import { poissonArrivals } from '../../bench/workloads/arrivals.ts'
import { fedTokens } from '../../bench/workloads/item.ts'
import { multipleChoiceSlices, OPTION_TOKENS, OPTIONS_EACH, QUESTION_TOKENS } from '../../bench/workloads/multiple-choice.ts'
import { pairSlices, X_TOKENS, Y_TOKENS } from '../../bench/workloads/pairs.ts'
import { rollingSlices } from '../../bench/workloads/rolling.ts'
import { present } from '../support/present.ts'

const VOCAB = 4096

test('pairs are the same for the same seed, of the lengths that are stated, and slices weigh the same', () => {
  const slices = pairSlices(1, VOCAB, 256, 8)
  assert.deepEqual(slices, pairSlices(1, VOCAB, 256, 8))
  assert.notDeepEqual(slices, pairSlices(2, VOCAB, 256, 8))
  const items = slices.flatMap((slice) => slice.items)
  assert.equal(items.length, 256)
  // The prefix token is not of x.
  const [xs, ys] = [items.map(({ context }) => context.length - 1), items.map(({ continuation }) => continuation.length)]
  assert.deepEqual([Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)], [...X_TOKENS, ...Y_TOKENS])
  const weights = slices.map((slice) => fedTokens(slice.items))
  assert.ok(Math.max(...weights) < 1.1 * Math.min(...weights), String(weights))
})

test('questions of one slice begin with the same context and other slices with another one', () => {
  const slices = multipleChoiceSlices(1, VOCAB, { slices: 2, sharedTokens: 100, questions: 8, partQuestions: 2 })
  const beginnings = slices.map(({ items }) => [...new Set(items.map(({ context }) => context.slice(0, 100).join()))])
  assert.deepEqual(
    beginnings.map((each) => each.length),
    [1, 1]
  )
  assert.notEqual(beginnings[0]?.[0], beginnings[1]?.[0])
  for (const { items, part } of slices) {
    assert.equal(items.length, 8 * OPTIONS_EACH)
    assert.deepEqual(part, items.slice(0, 2 * OPTIONS_EACH))
    for (const { context, continuation } of items) {
      assert.ok(context.length - 100 >= QUESTION_TOKENS[0] && context.length - 100 <= QUESTION_TOKENS[1])
      assert.ok(continuation.length >= OPTION_TOKENS[0] && continuation.length <= OPTION_TOKENS[1])
    }
  }
})

test('rolling windows score every token but the first once, and each fits the context', () => {
  const [slice] = rollingSlices(1, VOCAB, 1, 1000, 128)
  const items = present(slice?.items)
  assert.equal(
    items.reduce((sum, { continuation }) => sum + continuation.length, 0),
    1000
  )
  items.forEach(({ context, continuation }, i) => {
    assert.ok(context.length + continuation.length <= 128)
    assert.deepEqual(context, i === 0 ? [0] : [items[i - 1]?.continuation.at(-1)])
  })
})

test('arrivals ascend within the time and come at the rate', () => {
  const times = poissonArrivals(1, 50, 100)
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b)
  )
  assert.ok(present(times.at(-1)) < 100_000)
  // Poisson: 5000 with a deviation of 71.
  assert.ok(Math.abs(times.length - 5000) < 300, String(times.length))
})
