import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Convention, conventionsOf, diagnoseLoss, type ExampleLosses } from '../../../src/scoring/loss/conventions.ts'
import { present } from '../../support/present.ts'

const EXAMPLE: ExampleLosses = {
  completion: [2, 5, 0.5],
  ends: [11],
  endsAreTrained: false,
  endsAreInSequence: false,
  given: [7, 1, 3, 9],
  promptLossWeight: 0,
  notShifted: [14, 15, 16],
  shiftedTwice: [8.25, 9.5]
}
/** The loss that a run with each convention prints, computed by hand. */
const VALUES: Readonly<Record<string, number>> = {
  completion_mean: 7.5 / 3,
  full_sequence_mean: 27.5 / 7,
  completion_sum: 7.5,
  full_sequence_sum: 27.5,
  completion_sum_over_all_tokens: 7.5 / 7,
  completion_mean_with_eos: 18.5 / 4,
  completion_sum_with_eos: 18.5,
  full_sequence_mean_with_eos: 38.5 / 8,
  full_sequence_sum_with_eos: 38.5,
  completion_mean_without_first_token: 5.5 / 2,
  labels_not_shifted: 15,
  labels_shifted_twice: 8.875,
  completion_mean_bits: 7.5 / 3 / Math.LN2,
  full_sequence_mean_bits: 27.5 / 7 / Math.LN2
}
const valuesOf = (conventions: readonly Convention[]): Record<string, number> =>
  Object.fromEntries(conventions.map(({ convention, value }) => [convention, value]))
const codes = (losses: ExampleLosses): string[] => conventionsOf(losses).map(({ convention }) => convention)

describe('conventionsOf', () => {
  it('computes every convention', () => assert.deepEqual(valuesOf(conventionsOf(EXAMPLE)), VALUES))

  it('adds conventions without the end token if it is trained', () => {
    const values = valuesOf(conventionsOf({ ...EXAMPLE, endsAreTrained: true, endsAreInSequence: true }))
    assert.equal(values.completion_mean, 18.5 / 4)
    assert.equal(values.completion_mean_without_eos, 7.5 / 3)
    assert.equal(values.full_sequence_mean, 38.5 / 8)
    assert.equal(values.full_sequence_mean_without_eos, 27.5 / 7)
  })

  it('counts an end token that the template writes and that is not trained in the full sequence only', () => {
    const values = valuesOf(conventionsOf({ ...EXAMPLE, endsAreInSequence: true }))
    assert.equal(values.completion_mean, 7.5 / 3)
    assert.equal(values.completion_mean_with_eos, 18.5 / 4)
    assert.equal(values.full_sequence_mean, 38.5 / 8)
    assert.equal(values.full_sequence_mean_without_eos, 27.5 / 7)
  })

  it('puts the prompt loss weight first if the request has one', () => {
    const [first] = conventionsOf({ ...EXAMPLE, promptLossWeight: 0.1 })
    assert.equal(first?.convention, 'prompt_loss_weight_mean')
    assert.ok(Math.abs(present(first?.value) - (7.5 + 2) / 3.4) < 1e-12)
  })

  it('leaves out conventions that are undefined or were not computed', () => {
    assert.deepEqual(codes({ ...EXAMPLE, completion: [], ends: [], notShifted: [], shiftedTwice: [] }), [
      'full_sequence_mean',
      'full_sequence_sum',
      'full_sequence_mean_bits'
    ])
    const without = codes({ ...EXAMPLE, completion: [2], notShifted: null, shiftedTwice: null, ends: [] })
    assert.deepEqual(
      without.filter((code) => /first_token|labels|eos/.test(code)),
      []
    )
  })

  it('explains each convention in words', () => {
    for (const { convention, message } of conventionsOf(EXAMPLE)) assert.ok(message.length > 30, convention)
    assert.match(present(conventionsOf(EXAMPLE)[1]?.message), /mean over prompt and completion: the prompt was not masked/)
    assert.match(present(conventionsOf(EXAMPLE)[0]?.message), /per-example mean/)
  })
})

describe('diagnoseLoss', () => {
  const diagnose = (reported: number): ReturnType<typeof diagnoseLoss> => diagnoseLoss(reported, conventionsOf(EXAMPLE), 'completion_mean')

  for (const [convention, value] of Object.entries(VALUES)) {
    it(`recognizes ${convention} from a value with four digits`, () => {
      const { conventions, verdict, nearest } = diagnose(Number(value.toPrecision(4)))
      assert.equal(conventions[0]?.convention, convention)
      assert.equal(verdict, convention === 'completion_mean' ? 'expected' : 'other_convention')
      assert.equal(nearest, undefined)
    })
  }

  it('returns the nearest convention if none explains the loss', () => {
    const { conventions, verdict, nearest } = diagnose(2.6)
    assert.deepEqual([conventions, verdict, nearest?.convention], [[], 'unexplained', 'completion_mean'])
    assert.ok(Math.abs(present(nearest?.difference) - 0.1) < 1e-12)
  })

  it('accepts a relative difference of 1e-3', () => {
    assert.equal(diagnose(2.5 * 1.0009).verdict, 'expected')
    assert.equal(diagnose(2.5 * 1.0011).verdict, 'unexplained')
  })

  it('explains a loss of 0 by a token that is certain', () => {
    const certain = conventionsOf({ ...EXAMPLE, completion: [1e-8] })
    assert.equal(diagnoseLoss(0, certain, 'completion_mean').verdict, 'expected')
  })

  it('lists all conventions that give the loss, the expected one first', () => {
    const oneToken = conventionsOf({ ...EXAMPLE, completion: [2.5] })
    assert.deepEqual(
      diagnoseLoss(2.5, oneToken, 'completion_mean').conventions.map(({ convention }) => convention),
      ['completion_mean', 'completion_sum']
    )
  })

  it('has no nearest convention if none is defined', () => assert.equal(diagnoseLoss(1, [], 'completion_mean').nearest, undefined))
})
