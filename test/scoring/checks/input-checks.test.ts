import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Check, CheckStatus } from '../../../src/scoring/checks/check.ts'
import {
  boundaryCheck,
  type Comparison,
  controlTokensCheck,
  firstTokenCheck,
  type InputInfo,
  lengthCheck,
  normalizerCheck,
  roundTripCheck,
  tokenRangeCheck,
  wellFormedCheck
} from '../../../src/scoring/checks/input-checks.ts'

const EXACT: Comparison = { match: 'exact' }
const UNKNOWN: Comparison = { match: 'unknown' }
const differentAt = (atByte: number): Comparison => ({ match: 'different', atByte })

/** Prefix token 0, x = 5 6, y = 7; passes every check. */
const GOOD: InputInfo = {
  ids: Int32Array.of(0, 5, 6, 7),
  sizes: { prefix: 1, x: 2, y: 1, eos: 0 },
  vocabSize: 10,
  maxModelLen: 8,
  droppedTokens: 0,
  xTokens: 2,
  spelling: { x: EXACT, y: EXACT, isMisplaced: false },
  normalization: { x: EXACT, y: EXACT },
  straddlingToken: null,
  boundaryIsKnown: true,
  controlTokenCount: 0,
  controlTokensWanted: false
}

type Case = readonly [what: string, change: Partial<InputInfo>, status: CheckStatus, value: number | null]

const CASES: readonly (readonly [string, (info: InputInfo) => Check, readonly Case[]])[] = [
  [
    'boundary',
    boundaryCheck,
    [
      ['tokens of x that begin x+y', {}, 'pass', null],
      ['a token across the end of x', { straddlingToken: { id: 9, text: 'ab' } }, 'warn', 9],
      ['ids', { boundaryIsKnown: false }, 'skipped', null]
    ]
  ],
  [
    'round_trip',
    roundTripCheck,
    [
      ['tokens that spell the text', {}, 'pass', null],
      ['tokens of x that spell another text', { spelling: { x: differentAt(4), y: EXACT, isMisplaced: false } }, 'warn', 4],
      ['tokens of y that spell another text', { spelling: { x: EXACT, y: differentAt(5), isMisplaced: false } }, 'warn', 5],
      ['a y after ids whose tokens spell another text', { spelling: { x: UNKNOWN, y: differentAt(0), isMisplaced: false } }, 'warn', 0],
      ['a y after ids whose tokens spell it', { spelling: { x: UNKNOWN, y: EXACT, isMisplaced: false } }, 'pass', null],
      ['a token that was counted in the wrong part', { spelling: { x: differentAt(2), y: differentAt(0), isMisplaced: true } }, 'fail', 2],
      ['a text that the normalizer changed', { normalization: { x: differentAt(0), y: EXACT } }, 'pass', null],
      ['ids', { spelling: { x: UNKNOWN, y: UNKNOWN, isMisplaced: false } }, 'skipped', null]
    ]
  ],
  [
    'normalizer_unchanged',
    normalizerCheck,
    [
      ['an unchanged text', {}, 'pass', null],
      ['a changed x', { normalization: { x: differentAt(3), y: EXACT } }, 'warn', 3],
      ['a changed y after ids', { normalization: { x: UNKNOWN, y: differentAt(1) } }, 'warn', 1],
      ['tokens that spell another text', { spelling: { x: differentAt(4), y: EXACT, isMisplaced: false } }, 'pass', null],
      ['ids', { normalization: { x: UNKNOWN, y: UNKNOWN } }, 'skipped', null]
    ]
  ],
  [
    'token_range',
    tokenRangeCheck,
    [
      ['ids inside the vocabulary', {}, 'pass', 7],
      ['the last id of the vocabulary', { vocabSize: 8 }, 'pass', 7],
      ['an id past the vocabulary', { vocabSize: 7 }, 'fail', 7],
      ['a negative id', { ids: Int32Array.of(0, -1) }, 'fail', 0]
    ]
  ],
  [
    'control_tokens',
    controlTokensCheck,
    [
      ['no control token', {}, 'pass', 0],
      ['control tokens that the request asks for', { controlTokenCount: 2, controlTokensWanted: true }, 'pass', 2],
      ['control tokens parsed from ordinary text', { controlTokenCount: 2 }, 'fail', 2],
      ['a second prefix token', { ids: Int32Array.of(0, 0, 6, 7), controlTokenCount: 1, controlTokensWanted: true }, 'warn', 1],
      ['an end token that is the prefix token, after empty texts', { ids: Int32Array.of(0, 0), sizes: { prefix: 1, x: 0, y: 0, eos: 1 } }, 'pass', 0],
      ['a repeated first token without a prefix token', { ids: Int32Array.of(5, 5, 7), sizes: { prefix: 0, x: 2, y: 1, eos: 0 } }, 'pass', 0]
    ]
  ],
  [
    'length',
    lengthCheck,
    [
      ['a text shorter than the context', {}, 'pass', 4],
      ['a text as long as the context', { maxModelLen: 4 }, 'pass', 4],
      ['a text longer than the context', { maxModelLen: 3 }, 'fail', 4],
      ['a truncated x', { droppedTokens: 2, xTokens: 4 }, 'warn', 4],
      ['a token of x that was neither scored nor dropped', { droppedTokens: 1, xTokens: 4 }, 'fail', 4],
      ['one token too many in x', { xTokens: 1 }, 'fail', 4]
    ]
  ],
  [
    'first_token',
    firstTokenCheck,
    [
      ['a prefix token', {}, 'pass', null],
      ['no prefix token', { sizes: { prefix: 0, x: 3, y: 1, eos: 0 } }, 'warn', null]
    ]
  ]
]

for (const [id, run, cases] of CASES) {
  describe(`the ${id} check`, () => {
    for (const [what, change, status, value] of cases) {
      it(`is ${status} for ${what}`, () => {
        const found = run({ ...GOOD, ...change })
        assert.deepEqual([found.id, found.status, found.value], [id, status, value])
        assert.equal(found.independent, status !== 'skipped')
      })
    }
  })
}

describe('the messages of round_trip and normalizer_unchanged', () => {
  it('name the part and the first byte that differs', () => {
    const both = { x: differentAt(3), y: differentAt(7) }
    assert.match(roundTripCheck({ ...GOOD, spelling: { ...both, isMisplaced: false } }).message, /from byte 3 of x and from byte 7 of y\./)
    assert.match(normalizerCheck({ ...GOOD, normalization: { x: EXACT, y: differentAt(7) } }).message, /, from byte 7 of y\./)
  })

  it('name the parts that were compared', () => {
    assert.match(roundTripCheck({ ...GOOD, spelling: { x: UNKNOWN, y: EXACT, isMisplaced: false } }).message, /tokens of y spell/)
    assert.match(roundTripCheck(GOOD).message, /tokens of x and y spell/)
  })
})

describe('the well_formed check', () => {
  it('is pass for well-formed text', () => assert.equal(wellFormedCheck(true).status, 'pass'))
  it('is fail for a lone surrogate', () => assert.equal(wellFormedCheck(false).status, 'fail'))
})
