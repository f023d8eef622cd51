import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { gradNorm } from '../../../src/scoring/loss/totals.ts'

/** From logits in float64: log p_t, sum p^2, and the norm of p - onehot(t), element by element. */
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

/** -log softmax by finite differences: the slope of the loss in each logit. */
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
  it('is the norm of probabilities less the target', () => {
    fc.assert(
      fc.property(row, ({ logits, target }) => {
        const { logProb, probSquareSum, norm } = fromLogits(logits, target)
        assert.ok(Math.abs(gradNorm(logProb, probSquareSum) - norm) <= 1e-7, `${gradNorm(logProb, probSquareSum)} is not ${norm}`)
      })
    )
  })

  it('is the slope of the loss', () => {
    fc.assert(
      fc.property(row, ({ logits, target }) => {
        const { logProb, probSquareSum } = fromLogits(logits, target)
        assert.ok(Math.abs(gradNorm(logProb, probSquareSum) - finiteDifferenceNorm(logits, target)) <= 1e-4)
      }),
      { numRuns: 30 }
    )
  })

  it('stays within its bounds when the squares are float32', () => {
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

  it('is 0 for a certain token and sqrt(2) for one that the model puts all of elsewhere', () => {
    assert.equal(gradNorm(0, 1), 0)
    assert.equal(gradNorm(-800, 1), Math.SQRT2)
  })
})
