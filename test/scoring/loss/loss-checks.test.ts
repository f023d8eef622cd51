import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diagnoseLoss } from '../../../src/scoring/loss/conventions.ts'
import { lossConventionCheck, type MaskInfo, maskSanityCheck } from '../../../src/scoring/loss/loss-checks.ts'

const MASK: MaskInfo = { tokenCount: 3, reasons: ['bos', 'prompt', 'completion'], trainedTokens: 1, spellsCompletion: true, strayControlTokens: 0 }

describe('maskSanityCheck', () => {
  const CASES: readonly [string, Partial<MaskInfo>, string, boolean][] = [
    ['passes a mask whose tokens spell the completion', {}, 'pass', true],
    ['passes ids, but not as independent evidence', { spellsCompletion: null }, 'pass', false],
    ['fails if no token is trained', { reasons: ['bos', 'prompt', 'template'], trainedTokens: 0 }, 'fail', true],
    ['fails a mask of another length', { tokenCount: 4 }, 'fail', true],
    ['warns if no row predicts the first trained token', { reasons: ['completion', 'completion', 'eos'] }, 'warn', true],
    ['warns of control tokens in the completion', { strayControlTokens: 1 }, 'warn', true],
    ['warns if the trained tokens spell another text', { spellsCompletion: false }, 'warn', true]
  ]
  for (const [what, changes, status, independent] of CASES) {
    it(what, () => {
      const found = maskSanityCheck({ ...MASK, ...changes })
      assert.deepEqual([found.id, found.status, found.independent], ['mask_sanity', status, independent])
    })
  }
})

describe('lossConventionCheck', () => {
  const CONVENTIONS = [
    { convention: 'completion_mean', value: 2, message: 'the mean' },
    { convention: 'completion_sum', value: 4, message: 'the sum' }
  ]
  const checkOf = (reported: number): ReturnType<typeof lossConventionCheck> => lossConventionCheck(diagnoseLoss(reported, CONVENTIONS, 'completion_mean'), 2)

  it('is skipped without a reported loss', () => assert.equal(lossConventionCheck(null, 2).status, 'skipped'))
  it('passes the expected loss', () => assert.deepEqual([checkOf(2).status, checkOf(2).value, checkOf(2).independent], ['pass', 0, true]))
  it('warns of another convention and names it', () => {
    assert.equal(checkOf(4).status, 'warn')
    assert.match(checkOf(4).message, /the sum/)
    assert.equal(checkOf(4).value, 2)
  })
  it('warns of a loss that no convention explains', () => assert.equal(checkOf(3).status, 'warn'))
  it('has no value if nothing is trained', () => assert.equal(lossConventionCheck(diagnoseLoss(2, [], 'completion_mean'), null).value, null))
})
