import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isTrained, type Reason, weightsOf } from '../../../src/scoring/loss/labels.ts'
import { gradNorm, lossTotals } from '../../../src/scoring/loss/totals.ts'

const REASONS: readonly Reason[] = ['prompt', 'completion', 'bos', 'eos', 'template', 'straddle']
const logProb = fc.option(fc.double({ min: -60, max: 0, noNaN: true }), { freq: 9 })
const sequence = fc
  .array(fc.tuple(fc.constantFrom(...REASONS), logProb), { maxLength: 30 })
  .map((tokens) => ({ reasons: tokens.map(([reason]) => reason), logProbs: tokens.map(([, value]) => value) }))
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

describe('lossTotals', () => {
  it('sums each part separately', () => {
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

  it('has no mean without trained tokens, and no marginal if no row predicts a given token', () => {
    const { lossMean, lossSum, trainedTokens } = lossTotals({ reasons: ['bos', 'prompt'], logProbs: [null, -1], weights: [0, 0] })
    assert.deepEqual([lossMean, lossSum, trainedTokens], [null, 0, 0])
    assert.equal(lossTotals({ reasons: ['prompt', 'completion'], logProbs: [null, -1], weights: [0, 1] }).marginal, null)
    assert.equal(lossTotals({ reasons: ['bos', 'completion'], logProbs: [null, -1], weights: [0, 1] }).marginal, 0)
  })

  it('counts each token once, as trained or as given', () => {
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

  it('equals the full-sequence loss at a prompt loss weight of 1, and is below it at smaller weights', () => {
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

/** log p_t, sum p^2 and the norm of p - onehot(t), from logits in float64. */
function fromLogits(logits: readonly number[], target: number): { logProb: number; probSquareSum: number; norm: number } {
  const largest = Math.max(...logits)
  const logSumExp = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0))
  const probs = logits.map((logit) => Math.exp(logit - logSumExp))
  return {
    logProb: logits[target]! - logSumExp,
    probSquareSum: probs.reduce((sum, p) => sum + p * p, 0),
    norm: Math.hypot(...probs.map((p, v) => (v === target ? p - 1 : p)))
  }
}

/** Norm of the gradient of -log p_t by finite differences. */
function finiteDifferenceNorm(logits: readonly number[], target: number): number {
  const step = 1e-5
  const lossAt = (v: number, delta: number): number =>
    -fromLogits(
      logits.map((logit, i) => (i === v ? logit + delta : logit)),
      target
    ).logProb
  return Math.hypot(...logits.map((_, v) => (lossAt(v, step) - lossAt(v, -step)) / (2 * step)))
}

const row = fc
  .array(fc.double({ min: -15, max: 15, noNaN: true }), { minLength: 2, maxLength: 40 })
  .chain((logits) => fc.record({ logits: fc.constant(logits), target: fc.nat(logits.length - 1) }))

describe('gradNorm', () => {
  it('is the norm of p - onehot(t)', () => {
    fc.assert(
      fc.property(row, ({ logits, target }) => {
        const { logProb, probSquareSum, norm } = fromLogits(logits, target)
        assert.ok(Math.abs(gradNorm(logProb, probSquareSum) - norm) <= 1e-7, `${gradNorm(logProb, probSquareSum)} is not ${norm}`)
      })
    )
  })

  it('agrees with finite differences of the loss', () => {
    fc.assert(
      fc.property(row, ({ logits, target }) => {
        const { logProb, probSquareSum } = fromLogits(logits, target)
        assert.ok(Math.abs(gradNorm(logProb, probSquareSum) - finiteDifferenceNorm(logits, target)) <= 1e-4)
      }),
      { numRuns: 30 }
    )
  })

  it('stays within its bounds if the sum of squares is float32', () => {
    fc.assert(
      fc.property(row, ({ logits, target }) => {
        const { logProb, probSquareSum, norm } = fromLogits(logits, target)
        const missing = -Math.expm1(logProb)
        const found = gradNorm(logProb, Math.fround(probSquareSum))
        assert.ok(Math.abs(found - norm) <= 1e-3)
        assert.ok(found >= missing && found <= missing * Math.SQRT2 + 1e-12)
      })
    )
  })

  it('is 0 for a certain token and sqrt(2) for an impossible one', () => {
    assert.equal(gradNorm(0, 1), 0)
    assert.equal(gradNorm(-800, 1), Math.SQRT2)
  })
})
