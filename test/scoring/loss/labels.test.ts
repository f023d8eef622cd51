import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { labelOf, MASKED_LABEL, type Reason, weightsOf } from '../../../src/scoring/loss/labels.ts'

const REASONS: readonly Reason[] = ['prompt', 'completion', 'bos', 'eos', 'template', 'straddle']

describe('weightsOf', () => {
  it('trains only completion and end tokens', () => {
    assert.deepEqual(weightsOf(REASONS, [-1, -1, -1, -1, -1, -1], 0), [0, 1, 0, 1, 0, 0])
    assert.deepEqual(weightsOf(REASONS, [-1, -1, -1, -1, -1, -1], 0.1), [0.1, 1, 0.1, 1, 0.1, 0.1])
  })

  it('gives a token that no row predicts no weight', () => assert.deepEqual(weightsOf(['completion', 'completion'], [null, -1], 1), [0, 1]))
})

describe('labelOf', () => {
  it('masks a token without weight', () => assert.deepEqual([labelOf(7, 0), labelOf(7, 0.1), labelOf(0, 1)], [MASKED_LABEL, 7, 0]))
})
