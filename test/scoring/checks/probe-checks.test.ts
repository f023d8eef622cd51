import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Check, CheckStatus } from '../../../src/scoring/checks/check.ts'
import {
  betterThanChance,
  finiteLogits,
  lossParity,
  normalization,
  type ProbedRows,
  precision,
  probeChecks,
  shiftAlignment,
  unreachableMass
} from '../../../src/scoring/checks/probe-checks.ts'
import { type RowProbe, rowProbe } from '../../../src/scoring/row-probe.ts'
import { referenceScores } from '../../support/reference-scores.ts'

const V = 8
const CHANCE = Math.log(V)
const NAN = Number.NaN
const INFINITE = Number.POSITIVE_INFINITY

/** A row of eight logits that predicts its token much better than the neighbouring tokens. */
function probe(changes: Partial<RowProbe> = {}): RowProbe {
  return {
    position: 1,
    isFinite: true,
    logSumExp: 2,
    byShift: [-3, -0.5, -4],
    graphMass: 1,
    unreachableMass: 0,
    entropy: 1,
    significantBits: 24,
    ...changes
  }
}

/** `count` such rows, with changes to the last one. `logProbs` agrees with the rows unless `parts` has others. */
function rowsOf(count: number, changes: Partial<RowProbe> = {}, parts: Partial<ProbedRows> = {}): ProbedRows {
  const probes = Array.from({ length: count }, (_, i) => probe({ position: i + 1, ...(i === count - 1 ? changes : {}) }))
  return { probes, logProbs: probes.map(({ byShift }) => byShift[1]), vocabSize: V, claimsFloat32: true, noiseNats: 0, ...parts }
}

function allShifted(byShift: RowProbe['byShift'], count = 16): ProbedRows {
  const probes = Array.from({ length: count }, (_, i) => probe({ position: i + 1, byShift }))
  return { ...rowsOf(count), probes, logProbs: probes.map(() => byShift[1]) }
}

type Case = readonly [what: string, rows: ProbedRows, status: CheckStatus, value: number | null]

function describeCheck(id: string, run: (rows: ProbedRows) => Check, tolerance: number | null, cases: readonly Case[]): void {
  describe(`the ${id} check`, () => {
    for (const [what, rows, status, value] of cases) {
      it(`is ${status} for ${what}`, () => {
        const found = run(rows)
        const isCompared = status !== 'skipped'
        assert.deepEqual(
          [found.id, found.status, found.value, found.tolerance, found.independent],
          [id, status, value, isCompared ? tolerance : null, isCompared]
        )
      })
    }
  })
}

describeCheck('finite_logits', finiteLogits, null, [
  ['finite rows', rowsOf(3), 'pass', null],
  ['a row with a masked token', rowsOf(3, { isFinite: false }), 'fail', 3]
])

describeCheck('normalization', normalization, 1e-4, [
  ['probabilities that add up to 1', rowsOf(3), 'pass', 0],
  ['rounding', rowsOf(3, { graphMass: 1 + 2 ** -14 }), 'pass', 2 ** -14],
  ['one row above 1 by more than the tolerance', rowsOf(3, { graphMass: 1 + 2 ** -13 }), 'fail', 2 ** -13],
  ['one row below 1 by more than the tolerance', rowsOf(3, { graphMass: 1 - 2 ** -13 }), 'fail', 2 ** -13],
  ['a sum of NaN', rowsOf(3, { graphMass: NAN }), 'fail', null]
])

describeCheck('loss_parity', lossParity, 1e-4, [
  ['the same log-probabilities', rowsOf(3), 'pass', 0],
  ['rounding', rowsOf(2, {}, { logProbs: [-0.5, -0.5 + 2 ** -14] }), 'pass', 2 ** -14],
  ['one difference above the tolerance', rowsOf(2, {}, { logProbs: [-0.5, -0.5 + 2 ** -13] }), 'fail', 2 ** -13],
  ['one log-probability that is too low', rowsOf(2, {}, { logProbs: [-1, -0.5] }), 'fail', 0.5],
  ['NaN', rowsOf(2, {}, { logProbs: [-0.5, NAN] }), 'fail', null],
  ['a probe without log-probability', rowsOf(2, {}, { logProbs: [-0.5] }), 'fail', null]
])

describeCheck('loss_parity', lossParity, 0.25 + 1e-4, [
  ['a difference within the noise of another pass', rowsOf(1, {}, { logProbs: [-0.25], noiseNats: 0.25 }), 'pass', 0.25],
  ['a difference above the noise of another pass', rowsOf(1, {}, { logProbs: [-0.125], noiseNats: 0.25 }), 'fail', 0.375]
])

describeCheck('shift_alignment', shiftAlignment, 0.5, [
  ['rows that predict the next token', rowsOf(16), 'pass', 2.5],
  ['a neighbouring shift that is better by the margin', allShifted([-1, -1.5, -2]), 'pass', -0.5],
  ['rows that predict the current token better', allShifted([-1, -1.75, -2]), 'fail', -0.75],
  ['rows that predict the token after the next better', allShifted([-2, -1.75, -1]), 'fail', -0.75],
  ['text that no shift predicts better than chance', allShifted([-3, -9, -4]), 'skipped', null],
  ['NaN', allShifted([NAN, -1, -2]), 'skipped', null],
  ['masked tokens', allShifted([-1, Number.NEGATIVE_INFINITY, -2]), 'skipped', null],
  ['repeated tokens', allShifted([-1, -1, -4]), 'skipped', null],
  ['two alternating tokens', allShifted([-1, -4, -1]), 'skipped', null],
  ['fifteen tokens', rowsOf(15), 'skipped', null],
  ['sixteen tokens of which one has no neighbour before', rowsOf(16, { byShift: [null, -0.5, -4] }), 'skipped', null],
  ['sixteen tokens of which one has no neighbour after', rowsOf(16, { byShift: [-3, -0.5, null] }), 'skipped', null]
])

describe('a wrong shift', () => {
  /** 16 rows that predict the current token better than the next, alternately by 1 + spread and 1 - spread nats. */
  const spreadBy = (spread: number): Check => {
    const probes = Array.from({ length: 16 }, (_, i) => probe({ byShift: [-1, -2 - (i % 2 === 0 ? spread : -spread), -9] }))
    return shiftAlignment({ ...rowsOf(16), probes })
  }

  it('fails only if it exceeds three standard errors of the rows', () => {
    // The standard error of 16 values, each `spread` away from their mean, is spread / sqrt(15).
    const limit = Math.sqrt(15) / 3
    for (const [spread, status] of [
      [0.99 * limit, 'fail'],
      [1.01 * limit, 'pass']
    ] as const) {
      const found = spreadBy(spread)
      assert.deepEqual(
        [found.status, found.value?.toFixed(9), found.tolerance?.toFixed(9)],
        [status, '-1.000000000', ((3 * spread) / Math.sqrt(15)).toFixed(9)]
      )
    }
  })

  it('is named in the message', () => {
    assert.match(shiftAlignment(allShifted([-1, -2, -3])).message, /labels are not shifted/)
    assert.match(shiftAlignment(allShifted([-3, -2, -1])).message, /labels are shifted twice/)
  })
})

describeCheck('unreachable_mass', unreachableMass, 1e-3, [
  ['a vocabulary that the tokenizer covers', rowsOf(3), 'pass', 0],
  ['a little mass beyond it', rowsOf(3, { unreachableMass: 2 ** -10 }), 'pass', 2 ** -10],
  ['mass at the tolerance in one row', rowsOf(3, { unreachableMass: 1e-3 }), 'warn', 1e-3],
  ['a mass of NaN', rowsOf(3, { unreachableMass: NAN }), 'warn', null]
])

describeCheck('better_than_chance', betterThanChance, CHANCE, [
  ['probable text', rowsOf(16), 'pass', 0.5],
  [
    'text as probable as chance',
    rowsOf(
      16,
      {},
      {
        logProbs: Array(16)
          .fill(-2 * CHANCE)
          .fill(0, 8)
      }
    ),
    'warn',
    CHANCE
  ],
  ['improbable text', rowsOf(16, {}, { logProbs: Array(16).fill(-4) }), 'warn', 4],
  ['NaN', rowsOf(16, {}, { logProbs: Array(16).fill(NAN) }), 'warn', null],
  ['fifteen tokens', rowsOf(15, {}, { logProbs: Array(15).fill(-4) }), 'skipped', null],
  ['a certain row', rowsOf(1, { entropy: 0 }), 'skipped', null],
  ['a uniform row', rowsOf(1, { entropy: CHANCE }), 'skipped', null],
  ['an entropy above ln V in a single row', rowsOf(1, { entropy: CHANCE + 1e-6 }), 'fail', CHANCE + 1e-6],
  ['an entropy below 0', rowsOf(16, { entropy: -1e-6 }), 'fail', -1e-6],
  ['an entropy of NaN', rowsOf(1, { entropy: NAN }), 'fail', null],
  ['an infinite entropy', rowsOf(1, { entropy: INFINITE }), 'fail', null]
])

const coarse = (significantBits: number, claimsFloat32: boolean): ProbedRows => ({
  ...rowsOf(2, {}, { claimsFloat32 }),
  probes: [probe({ significantBits: 3 }), probe({ significantBits })]
})
describeCheck('precision', precision, 11, [
  ['logits in float32', coarse(24, true), 'pass', 24],
  ['one logit finer than float16', coarse(12, true), 'pass', 12],
  ['logits as coarse as float16', coarse(11, true), 'warn', 11],
  ['the same with another dtype', coarse(11, false), 'pass', 11]
])

describe('probeChecks', () => {
  it('finds no fault in the rows of a softmax that rounds to float32', () => {
    const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: V, maxLength: V })
    fc.assert(
      fc.property(fc.array(logits, { minLength: 1, maxLength: 12 }), (rows) => {
        const ids = Int32Array.from({ length: rows.length + 1 }, (_, i) => i % V)
        const scores = rows.map((row, i) => referenceScores([...Float32Array.from(row)], ids[i + 1]!))
        const probes = rows.map((row, i) => {
          const raw = Float32Array.from(row)
          const graph = raw.map((logit) => logit - scores[i]!.logSumExp)
          return rowProbe(raw, graph, { ids, position: i + 1, textVocabSize: V })
        })
        const found = probeChecks({ probes, logProbs: scores.map(({ logProb }) => Math.fround(logProb)), vocabSize: V, claimsFloat32: false, noiseNats: 0 })
        assert.deepEqual(
          found.filter(({ status }) => status === 'warn' || status === 'fail'),
          []
        )
      })
    )
  })
})
