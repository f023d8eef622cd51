import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isTrained, labelOf, MASKED_LABEL, type Reason, weightsOf } from '../../../src/scoring/loss/labels.ts'
import { lossTotals } from '../../../src/scoring/loss/totals.ts'

const REASONS: readonly Reason[] = ['prompt', 'completion', 'bos', 'eos', 'template', 'straddle']
const logProb = fc.option(fc.double({ min: -60, max: 0, noNaN: true }), { freq: 9 })
const sequence = fc
  .array(fc.tuple(fc.constantFrom(...REASONS), logProb), { maxLength: 30 })
  .map((tokens) => ({ reasons: tokens.map(([reason]) => reason), logProbs: tokens.map(([, value]) => value) }))
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

describe('weightsOf', () => {
  it('trains completion and end tokens alone', () => {
    assert.deepEqual(weightsOf(REASONS, [-1, -1, -1, -1, -1, -1], 0), [0, 1, 0, 1, 0, 0])
    assert.deepEqual(weightsOf(REASONS, [-1, -1, -1, -1, -1, -1], 0.1), [0.1, 1, 0.1, 1, 0.1, 0.1])
  })

  it('gives no weight to a token that no row predicts', () => assert.deepEqual(weightsOf(['completion', 'completion'], [null, -1], 1), [0, 1]))

  it('masks what has no weight', () => assert.deepEqual([labelOf(7, 0), labelOf(7, 0.1), labelOf(0, 1)], [MASKED_LABEL, 7, 0]))
})

describe('lossTotals', () => {
  it('sums each part by itself', () => {
    const reasons: Reason[] = ['bos', 'prompt', 'template', 'completion', 'eos']
    const logProbs = [null, -1, -2, -3, -4]
    assert.deepEqual(lossTotals({ reasons, logProbs, weights: [0, 0.5, 0.5, 1, 1] }), {
      lossSum: 8.5,
      lossMean: 8.5 / 3,
      denominator: 3,
      trainedTokens: 2,
      fullSequence: { lossSum: 10, lossMean: 2.5, tokens: 4 },
      joint: -10,
      marginal: -3,
      conditional: -7,
      eos: -4
    })
  })

  it('has no mean of nothing, and no marginal of a single token that no row predicts', () => {
    const { lossMean, lossSum, trainedTokens } = lossTotals({ reasons: ['bos', 'prompt'], logProbs: [null, -1], weights: [0, 0] })
    assert.deepEqual([lossMean, lossSum, trainedTokens], [null, 0, 0])
    assert.equal(lossTotals({ reasons: ['prompt', 'completion'], logProbs: [null, -1], weights: [0, 1] }).marginal, null)
    assert.equal(lossTotals({ reasons: ['bos', 'completion'], logProbs: [null, -1], weights: [0, 1] }).marginal, 0)
  })

  it('divides every sequence into trained and other tokens, each once', () => {
    fc.assert(
      fc.property(sequence, ({ reasons, logProbs }) => {
        const weights = weightsOf(reasons, logProbs, 0)
        const { joint, marginal, conditional, lossSum, denominator, trainedTokens, fullSequence } = lossTotals({ reasons, logProbs, weights })
        const predicted = logProbs.filter((value) => value !== null).length
        assert.ok(near(joint, (marginal ?? 0) + conditional))
        assert.ok(near(lossSum, -conditional))
        assert.equal(denominator, trainedTokens)
        assert.equal(fullSequence.tokens, predicted)
        assert.equal(trainedTokens, reasons.filter((reason, i) => isTrained(reason) && logProbs[i] !== null).length)
      })
    )
  })

  it('is the loss of the whole sequence at a prompt loss weight of 1, and between at any other', () => {
    fc.assert(
      fc.property(sequence, fc.double({ min: 0, max: 1, noNaN: true }), ({ reasons, logProbs }, w) => {
        const at = (weight: number): ReturnType<typeof lossTotals> => lossTotals({ reasons, logProbs, weights: weightsOf(reasons, logProbs, weight) })
        assert.ok(near(at(1).lossSum, at(1).fullSequence.lossSum))
        const { denominator, trainedTokens, fullSequence, lossSum } = at(w)
        assert.ok(near(denominator, trainedTokens + w * (fullSequence.tokens - trainedTokens)))
        assert.ok(lossSum >= at(0).lossSum - 1e-9 && lossSum <= at(1).lossSum + 1e-9)
      })
    )
  })
})
