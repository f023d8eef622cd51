import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CHECK_CATALOG, verdictOf } from '../../../src/scoring/checks/check.ts'
import type { InputInfo } from '../../../src/scoring/checks/input-checks.ts'
import { type CheckSubject, REQUEST_CHECKS, type SequenceIntegrity } from '../../../src/scoring/checks/request-checks.ts'
import { logProbSums, type ScoredSequence } from '../../../src/scoring/scored-sequence.ts'
import { sequenceOf } from '../../support/scored-sequence.ts'

const SIZES = { prefix: 1, x: 1, y: 1, eos: 0 }
const RECEIPT: SequenceIntegrity = { sentChecksum: 1, scoredChecksum: 1, sentRows: 2, scoredRows: 2 }

interface Fault {
  readonly logProbs?: readonly (number | null)[]
  readonly sequence?: Partial<ScoredSequence>
  readonly facts?: Partial<InputInfo>
  readonly receipt?: SequenceIntegrity | null
  readonly sums?: Partial<CheckSubject['sums']>
}

/** Prefix token, one token of x and one of y, with one thing wrong. */
function subjectOf({ logProbs = [null, -1, -2], sequence = {}, facts = {}, receipt = RECEIPT, sums = {} }: Fault): CheckSubject {
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
  return { sequence: scored, sums: { ...logProbSums(scored), ...sums }, inputInfo: { ...good, ...facts }, integrity: receipt }
}

function wrongWith(fault: Fault): string[] {
  const { items } = verdictOf(REQUEST_CHECKS.map((run) => run(subjectOf(fault))))
  return items.filter(({ status }) => status === 'warn' || status === 'fail').map(({ id }) => id)
}

describe('REQUEST_CHECKS', () => {
  it('find nothing wrong with a good result', () => assert.deepEqual(wrongWith({}), []))

  const FAULTS: readonly [string, Fault, readonly string[]][] = [
    ['a number that is none', { logProbs: [null, Number.NaN, -2] }, ['finite', 'additivity', 'greedy_consistent', 'joint_le_marginal']],
    ['numbers of other tokens', { receipt: { ...RECEIPT, scoredChecksum: 2 } }, ['same_sequence']],
    ['a logit in y', { logProbs: [null, -1, 0.5] }, ['log_prob_le_zero', 'prefix_monotone', 'joint_le_marginal']],
    ['a token counted twice', { sums: { joint: -5 } }, ['additivity']],
    ['a token across the end of x', { facts: { straddlingToken: { id: 3, text: 'ab' } } }, ['boundary']],
    [
      'tokens that spell something else',
      { facts: { spelling: { x: { match: 'exact' }, y: { match: 'different', atByte: 3 }, isMisplaced: false } } },
      ['round_trip']
    ],
    ['a text that was normalized', { facts: { normalization: { x: { match: 'different', atByte: 0 }, y: { match: 'exact' } } } }, ['normalizer_unchanged']],
    ['an id that the model does not have', { facts: { vocabSize: 2 } }, ['token_range']],
    ['control tokens out of text', { facts: { controlTokenCount: 1 } }, ['control_tokens']],
    ['an x that was cut', { facts: { droppedTokens: 2 } }, ['length']],
    ['no prefix token', { facts: { sizes: { ...SIZES, prefix: 0, x: 2 }, xTokens: 2 } }, ['first_token']],
    [
      'numbers of another row',
      {
        sequence: {
          best: [null, { id: 1, logProb: -1 }, { id: 7, logProb: -3 }]
        }
      },
      ['greedy_consistent']
    ]
  ]
  for (const [what, fault, expected] of FAULTS) {
    it(`find ${what}: ${expected.join(', ')}`, () => assert.deepEqual(wrongWith(fault).sort(), [...expected].sort()))
  }

  it('skip the receipt where nothing was to be scored', () => {
    const found = REQUEST_CHECKS.map((run) => run(subjectOf({ logProbs: [null, null, null], receipt: null })))
    assert.equal(found.find(({ id }) => id === 'same_sequence')?.status, 'skipped')
  })

  it('are of the catalogue, each once, and all of them run with every result', () => {
    const ids = REQUEST_CHECKS.map((run) => run(subjectOf({})).id)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.ok(CHECK_CATALOG[id].runs.some((when) => when === 'request'))
  })
})
