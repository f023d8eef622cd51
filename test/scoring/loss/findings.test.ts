import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { labelFindings, straddleFinding } from '../../../src/scoring/loss/findings.ts'
import type { Reason } from '../../../src/scoring/loss/labels.ts'
import { present } from '../../support/present.ts'

const found = (reasons: readonly Reason[], promptLossWeight = 0, firstHasLogProb = false): string[] =>
  labelFindings({ reasons, logProbs: reasons.map((_, i) => (i === 0 && !firstHasLogProb ? null : -1)), promptLossWeight }).map(({ code }) => code)

describe('labelFindings', () => {
  const CASES: readonly [string, readonly Reason[], number, readonly string[]][] = [
    ['nothing in a prompt and a completion with an end token', ['bos', 'prompt', 'completion', 'eos'], 0, []],
    ['an end token that is not trained', ['bos', 'prompt', 'completion'], 0, ['eos_not_trained']],
    ['an example without trained tokens', ['bos', 'prompt', 'template', 'straddle'], 0, ['all_masked']],
    ['an example with a weight for the prompt only', ['bos', 'prompt'], 0.5, ['all_masked']],
    ['a text that is trained as a whole', ['bos', 'completion', 'eos'], 0, ['nothing_masked']],
    ['a prompt of full weight', ['bos', 'prompt', 'completion', 'eos'], 1, ['nothing_masked']],
    ['a first token that is trained', ['completion', 'prompt', 'eos'], 0, ['first_trained_token_is_first']]
  ]
  for (const [what, reasons, weight, codes] of CASES) it(`finds ${what}`, () => assert.deepEqual(found(reasons, weight), codes))
})

describe('straddleFinding', () => {
  it('returns nothing if no token straddles', () => assert.deepEqual(straddleFinding([]), []))
  it('lists the first eight positions', () => {
    assert.match(present(straddleFinding([3])[0]?.message), /^the token at position 3 contains/)
    assert.match(present(straddleFinding([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])[0]?.message), /positions 1, 2, 3, 4, 5, 6, 7, 8 and 2 more contain/)
  })
})
