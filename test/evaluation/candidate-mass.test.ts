import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import type { LogprobItem, LogprobOptions } from '../../src/encoding/logprob-item.ts'
import { ServiceError } from '../../src/errors.ts'
import { candidateMasses } from '../../src/evaluation/candidate-mass.ts'
import type { SequenceScores } from '../../src/evaluation/scored-item.ts'
import type { Check } from '../../src/scoring/checks/check.ts'
import { encodeOne, itemOf } from '../support/logprob-items.ts'
import { present } from '../support/present.ts'
import { sequenceOf } from '../support/scored-sequence.ts'

const FAILURE = new ServiceError('engine_crashed', 'the fake crashes')

/** The result of an item: the probability of y, null when y was not requested, or a failure. */
type Given = number | null | ServiceError

interface Output {
  readonly item: LogprobItem
  readonly encoded: EncodedItem | ServiceError
  readonly given: Given
}

/** Output number `candidate` of an x. */
async function output(candidate: number, x: readonly number[], y: readonly number[], given: Given, options: Partial<LogprobOptions> = {}): Promise<Output> {
  const item = { ...itemOf(x, y), candidate }
  return { item, encoded: await encodeOne(item, options), given }
}

function scoresOf(given: Given): SequenceScores | ServiceError {
  if (given instanceof ServiceError) return given
  const conditional = given === null ? null : Math.log(given)
  return {
    sequence: sequenceOf({}, []),
    rows: null,
    integrity: null,
    sums: { joint: null, marginal: null, conditional, eos: null, isConditionalOnFirstToken: false }
  }
}

async function massesOf(...outputs: readonly (Output | Promise<Output>)[]): Promise<(readonly Check[])[]> {
  const all = await Promise.all(outputs)
  return Promise.all(
    candidateMasses(
      all,
      all.map(async ({ given }) => scoresOf(given)),
      0
    )
  )
}

/** The sum of each item, rounded to what exp(log p) preserves; its status where there is no sum. */
const sumsOf = (masses: readonly (readonly Check[])[]): unknown[] =>
  masses.map(([found]) => (typeof found?.value === 'number' ? Number(found.value.toFixed(12)) : (found?.status ?? 'none')))

describe('candidateMasses', () => {
  it('gives all outputs of one x the same sum', async () => {
    const masses = await massesOf(output(0, [3], [4], 0.5), output(1, [3], [5], 0.25), output(2, [3], [6, 7], 0.125))
    assert.deepEqual(sumsOf(masses), [0.875, 0.875, 0.875])
    assert.equal(masses[0], masses[2])
    assert.equal(masses[0]?.length, 1)
  })

  it('returns no check for a single output', async () => assert.deepEqual(await massesOf(output(0, [3], [4], 0.5)), [[]]))

  it('separates the outputs of one x from those of the next', async () => {
    const masses = await massesOf(
      output(0, [3], [4], 0.5),
      output(1, [3], [5], 0.25),
      output(0, [3], [4], 0.5),
      output(0, [4], [5], 0.125),
      output(1, [4], [6], 0.125)
    )
    assert.deepEqual(sumsOf(masses), [0.75, 0.75, 'none', 0.25, 0.25])
  })

  it('fails outputs whose probabilities exceed 1 together', async () => {
    const [mass] = await massesOf(output(0, [3], [4], 0.75), output(1, [3], [5], 0.5))
    assert.deepEqual([mass?.[0]?.status, mass?.[0]?.value], ['fail', Math.exp(Math.log(0.75)) + Math.exp(Math.log(0.5))])
  })

  it('is skipped when one output is a prefix of another, unless both end with the end token', async () => {
    const outputs = (options: Partial<LogprobOptions>) => [output(0, [3], [4], 0.9, options), output(1, [3], [4, 5], 0.9, options)]
    assert.deepEqual(sumsOf(await massesOf(...outputs({}))), ['skipped', 'skipped'])
    assert.deepEqual(sumsOf(await massesOf(...outputs({ eos: 'score' }))), [1.8, 1.8])
  })

  it('ignores outputs that failed, could not be encoded, or were not scored', async () => {
    const broken: Output = { item: { ...itemOf([3], []), candidate: 1 }, encoded: new ServiceError('empty_completion', 'empty'), given: FAILURE }
    const masses = await massesOf(output(0, [3], [4], 0.5), broken, output(2, [3], [5], FAILURE), output(3, [3], [6], null), output(4, [3], [7], 0.25))
    assert.deepEqual(sumsOf(masses), Array(5).fill(0.75))
  })

  it('returns no check when only one output is left', async () => {
    assert.deepEqual(await massesOf(output(0, [3], [4], 0.5), output(1, [3], [5], FAILURE)), [[], []])
    assert.deepEqual(await massesOf(output(0, [3], [4], null), output(1, [3], [5], null)), [[], []])
  })

  it('is skipped when truncation dropped different numbers of tokens of x', async () => {
    const x = [3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4]
    const options = { onOverflow: 'truncate_left' } as const
    const [mass] = await massesOf(output(0, x, [6], 0.5, options), output(1, x, [7, 8], 0.25, options))
    assert.deepEqual([mass?.[0]?.status, mass?.[0]?.value], ['skipped', null])
    assert.match(present(mass?.[0]?.message), /different tokens in front/)
  })
})
