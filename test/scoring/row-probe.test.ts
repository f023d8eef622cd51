import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rowProbe } from '../../src/scoring/row-probe.ts'
import { referenceScores } from '../support/reference-scores.ts'

const LOGITS = Float32Array.of(0.3, -1.7, 2.9, 0.1)
const TOKEN = { ids: Int32Array.of(1, 2, 3), position: 1, textVocabSize: 4 }
const logProbsOf = (logits: Float32Array): Float32Array => {
  const { logSumExp } = referenceScores([...logits], 0)
  return logits.map((logit) => logit - logSumExp)
}

describe('rowProbe', () => {
  it('computes the log-probability, the log-sum-exp and the entropy of the row', () => {
    const expected = referenceScores([...LOGITS], 2)
    const probe = rowProbe(LOGITS, logProbsOf(LOGITS), TOKEN)
    assert.equal(probe.logSumExp.toFixed(12), expected.logSumExp.toFixed(12))
    assert.equal(probe.byShift[1].toFixed(12), expected.logProb.toFixed(12))
    assert.equal(probe.entropy.toFixed(12), expected.entropy.toFixed(12))
    assert.ok(Math.abs(probe.graphMass - 1) < 1e-6)
    assert.equal(probe.isFinite, true)
  })

  it('returns the log-probabilities of the tokens before and after the scored one, if there are any', () => {
    const { logSumExp, byShift } = rowProbe(LOGITS, LOGITS, TOKEN)
    assert.deepEqual(
      byShift,
      [1, 2, 3].map((id) => LOGITS[id]! - logSumExp)
    )
    assert.equal(rowProbe(LOGITS, LOGITS, { ...TOKEN, ids: Int32Array.of(2), position: 0 }).byShift[0], null)
    assert.equal(rowProbe(LOGITS, LOGITS, { ...TOKEN, ids: Int32Array.of(1, 2) }).byShift[2], null)
  })

  it('detects a masked token, mass beyond the tokenizer, and a graph that is not normalized', () => {
    assert.equal(rowProbe(Float32Array.of(0, Number.NEGATIVE_INFINITY, 1, 0), LOGITS, TOKEN).isFinite, false)
    assert.equal(rowProbe(new Float32Array(4), LOGITS, { ...TOKEN, textVocabSize: 3 }).unreachableMass, 0.25)
    assert.ok(
      Math.abs(
        rowProbe(
          LOGITS,
          logProbsOf(LOGITS).map((value) => value + 1),
          TOKEN
        ).graphMass - Math.E
      ) < 1e-5
    )
  })

  it('accepts -inf beyond the tokenizer, as some exports have, but no NaN', () => {
    const beyond = { ...TOKEN, textVocabSize: 3 }
    assert.equal(rowProbe(Float32Array.of(0, 1, 2, Number.NEGATIVE_INFINITY), LOGITS, beyond).isFinite, true)
    assert.equal(rowProbe(Float32Array.of(0, 1, 2, Number.NaN), LOGITS, beyond).isFinite, false)
  })

  it('counts the significant bits of the logits', () => {
    assert.equal(rowProbe(Float32Array.of(1, 2, -4, 0), LOGITS, TOKEN).significantBits, 1)
    assert.equal(rowProbe(Float32Array.of(1, 1 + 2 ** -7, 3, 0), LOGITS, TOKEN).significantBits, 8)
    assert.equal(rowProbe(Float32Array.of(1, 1 + 2 ** -10, 3, 0), LOGITS, TOKEN).significantBits, 11)
    assert.equal(rowProbe(Float32Array.of(1, 1 + 2 ** -23, 3, 0), LOGITS, TOKEN).significantBits, 24)
  })
})
