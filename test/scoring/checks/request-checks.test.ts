import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CHECK_CATALOG, type CheckStatus, verdictOf } from '../../../src/scoring/checks/check.ts'
import type { InputInfo } from '../../../src/scoring/checks/input-checks.ts'
import { type CheckSubject, REQUEST_CHECKS, type SequenceIntegrity, sameSequenceCheck } from '../../../src/scoring/checks/request-checks.ts'
import { logProbSums, type ScoredSequence } from '../../../src/scoring/scored-sequence.ts'
import { sequenceOf } from '../../support/scored-sequence.ts'

const SIZES = { prefix: 1, x: 1, y: 1, eos: 0 }
const INTEGRITY: SequenceIntegrity = { sentChecksum: 1, scoredChecksum: 1, sentRows: 2, scoredRows: 2 }

interface Fault {
  readonly logProbs?: readonly (number | null)[]
  readonly sequence?: Partial<ScoredSequence>
  readonly info?: Partial<InputInfo>
  readonly integrity?: SequenceIntegrity | null
  readonly sums?: Partial<CheckSubject['sums']>
}

/** Prefix token, one token of x and one of y, with one fault. */
function subjectOf({ logProbs = [null, -1, -2], sequence = {}, info = {}, integrity = INTEGRITY, sums = {} }: Fault): CheckSubject {
  const scored = sequenceOf(SIZES, logProbs, sequence)
  const good: InputInfo = {
    ids: scored.ids,
    sizes: SIZES,
    vocabSize: 10,
    maxModelLen: 8,
    droppedTokens: 0,
    xTokens: 1,
    spelling: { x: { match: 'exact' }, y: { match: 'exact' }, isMisplaced: false },
    normalization: { x: { match: 'exact' }, y: { match: 'exact' } },
    straddlingToken: null,
    boundaryIsKnown: true,
    controlTokenCount: 0,
    controlTokensWanted: false
  }
  return { sequence: scored, sums: { ...logProbSums(scored), ...sums }, inputInfo: { ...good, ...info }, integrity }
}

function findingsOf(fault: Fault): string[] {
  const { items } = verdictOf(REQUEST_CHECKS.map((run) => run(subjectOf(fault))))
  return items.filter(({ status }) => status === 'warn' || status === 'fail').map(({ id }) => id)
}

describe('REQUEST_CHECKS', () => {
  it('all pass for a correct result', () => assert.deepEqual(findingsOf({}), []))

  const FAULTS: readonly [string, Fault, readonly string[]][] = [
    ['NaN', { logProbs: [null, Number.NaN, -2] }, ['finite', 'additivity', 'greedy_consistent', 'joint_le_marginal']],
    ['scores of other tokens', { integrity: { ...INTEGRITY, scoredChecksum: 2 } }, ['same_sequence']],
    ['a logit in y', { logProbs: [null, -1, 0.5] }, ['log_prob_le_zero', 'prefix_monotone', 'joint_le_marginal']],
    ['a token counted twice', { sums: { joint: -5 } }, ['additivity']],
    ['a token across the end of x', { info: { straddlingToken: { id: 3, text: 'ab' } } }, ['boundary']],
    [
      'tokens that spell something else',
      { info: { spelling: { x: { match: 'exact' }, y: { match: 'different', atByte: 3 }, isMisplaced: false } } },
      ['round_trip']
    ],
    [
      'a text that the normalizer changed',
      { info: { normalization: { x: { match: 'different', atByte: 0 }, y: { match: 'exact' } } } },
      ['normalizer_unchanged']
    ],
    ['an id that the model does not have', { info: { vocabSize: 2 } }, ['token_range']],
    ['control tokens parsed from text', { info: { controlTokenCount: 1 } }, ['control_tokens']],
    ['a truncated x', { info: { droppedTokens: 2 } }, ['length']],
    ['no prefix token', { info: { sizes: { ...SIZES, prefix: 0, x: 2 }, xTokens: 2 } }, ['first_token']],
    [
      'values of another row',
      {
        sequence: {
          best: [null, { id: 1, logProb: -1 }, { id: 7, logProb: -3 }]
        }
      },
      ['greedy_consistent']
    ]
  ]
  for (const [what, fault, expected] of FAULTS) {
    it(`report ${what}: ${expected.join(', ')}`, () => assert.deepEqual(findingsOf(fault).sort(), [...expected].sort()))
  }

  it('skip same_sequence if no token is scored', () => {
    const found = REQUEST_CHECKS.map((run) => run(subjectOf({ logProbs: [null, null, null], integrity: null })))
    assert.equal(found.find(({ id }) => id === 'same_sequence')?.status, 'skipped')
  })

  it('have unique ids that the catalogue lists as run with every result', () => {
    const ids = REQUEST_CHECKS.map((run) => run(subjectOf({})).id)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.ok(CHECK_CATALOG[id].runs.some((when) => when === 'request'))
  })
})

describe('the same_sequence check', () => {
  const CASES: readonly [string, SequenceIntegrity | null, CheckStatus, number | null][] = [
    ['the tokens that were sent', INTEGRITY, 'pass', 0],
    ['other tokens', { ...INTEGRITY, scoredChecksum: 8 }, 'fail', 0],
    ['one row too many', { ...INTEGRITY, scoredRows: 3 }, 'fail', 1],
    ['no rows', { ...INTEGRITY, scoredRows: 0 }, 'fail', -2],
    ['other tokens and too few rows', { ...INTEGRITY, scoredChecksum: 8, scoredRows: 1 }, 'fail', -1],
    ['no token to score', null, 'skipped', null]
  ]
  for (const [what, integrity, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => {
      const found = sameSequenceCheck(integrity)
      const isCompared = status !== 'skipped'
      assert.deepEqual(
        [found.id, found.status, found.value, found.tolerance, found.independent],
        ['same_sequence', status, value, isCompared ? 0 : null, isCompared]
      )
    })
  }
})
