import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type LogprobItem, type LogprobOptions, TERMS, type Term } from '../../src/encoding/logprob-item.ts'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import { verificationBatches } from '../../src/evaluation/deep-verification.ts'
import type { EvaluationContext } from '../../src/evaluation/evaluation-context.ts'
import { LogprobEvaluator, type Outcome } from '../../src/evaluation/logprob-evaluator.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { CHECK_CATALOG, type Check } from '../../src/scoring/checks/check.ts'
import { FakeModel, type FakeModelShape, type ModelFaults, naturalIds } from '../support/fake-model.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { contextOf, encodeOne, itemOf, optionsOf } from '../support/logprob-items.ts'
import { present } from '../support/present.ts'

/** As in `contextOf`: a model of 20 ids, 14 of them in the tokenizer. */
const SHAPE: FakeModelShape = { vocabSize: 20, textVocabSize: 14 }
const LIMITS = { maxBatchTokens: 1000, longTextTokens: 100, maxQueueTokens: 1e6 }
const DEEP: ReadonlySet<string> = new Set(Object.entries(CHECK_CATALOG).flatMap(([id, { runs }]) => ((runs as readonly string[]).includes('deep') ? [id] : [])))

async function evaluated(
  model: FakeModel,
  items: readonly LogprobItem[],
  options: Partial<LogprobOptions>,
  context: Partial<EvaluationContext>
): Promise<Outcome[]> {
  const evaluator = new LogprobEvaluator(contextOf(context), new Scheduler(model, LIMITS))
  const { outcomes } = await evaluator.evaluate(items, optionsOf({ verify: 'deep', ...options }), { signal: new AbortController().signal })
  return Promise.all(outcomes)
}

/** The checks that only deep verification runs. */
function deepChecks(outcome: Outcome): Check[] {
  assert.ok('checks' in outcome)
  return outcome.checks.items.filter(({ id }) => DEEP.has(id))
}

describe('verify: deep on an honest model', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 13 }), { maxLength: 16 })
  const request = fc.record({
    pairs: fc.array(fc.tuple(ids, ids), { minLength: 1, maxLength: 3 }),
    terms: fc.subarray([...TERMS], { minLength: 1 }).map((terms): ReadonlySet<Term> => new Set(terms)),
    eos: fc.constantFrom('none' as const, 'score' as const),
    prefixToken: fc.constantFrom('auto' as const, 'none' as const)
  })
  /** Errors that random items may cause. */
  const REFUSED: readonly string[] = ['empty_completion', 'no_prefix_token', 'context_length_exceeded']

  async function assertNoAlarm(model: FakeModel, { pairs, ...options }: RandomRequest, toleranceNats: number, allowed: readonly string[]) {
    const items = pairs.map(([x, y], index) => itemOf(x, y, index))
    for (const outcome of await evaluated(model, items, { ...options, onOverflow: 'truncate_left' }, { toleranceNats })) {
      if ('error' in outcome) assert.ok(REFUSED.includes(outcome.error.code), outcome.error.message)
      else
        assert.deepEqual(
          deepChecks(outcome).filter(({ id, status }) => status === 'fail' || (status === 'warn' && !allowed.includes(id))),
          []
        )
    }
  }

  it('raises no alarm for any combination of lengths, terms, prefix and end token', async () => {
    await fc.assert(
      fc.asyncProperty(request, (one) => assertNoAlarm(new FakeModel(SHAPE), one, 1e-6, [])),
      { numRuns: 200 }
    )
  })

  it('raises no alarm for noise as large as the tolerance allows', async () => {
    const toleranceNats = 1e-3
    // Two passes differ by at most four times the noise of a logit, and the tolerance is four times that.
    const model = new FakeModel(SHAPE, { noiseNats: toleranceNats / 16 })
    await fc.assert(
      fc.asyncProperty(request, (one) => assertNoAlarm(model, one, toleranceNats, ['rerun', 'context_sensitivity'])),
      { numRuns: 200 }
    )
  })

  it('runs every deep check of the catalogue, and skips cache_invariance', async () => {
    const [outcome] = await evaluated(new FakeModel(SHAPE), [itemOf(NATURAL_X, NATURAL_Y)], {}, ROOMY)
    const found = deepChecks(outcome!)
    assert.deepEqual(new Set(found.map(({ id }) => id)), DEEP)
    assert.deepEqual(
      found.filter(({ status }) => status !== 'pass').map(({ id, status }) => [id, status]),
      [['cache_invariance', 'skipped']]
    )
  })

  const SKIPPED: readonly [string, LogprobItem, Partial<LogprobOptions>, readonly string[]][] = [
    ['an empty x', itemOf([], [3, 4, 5]), {}, ['causality', 'joint_le_marginal_two_pass', 'additivity_two_pass', 'context_sensitivity']],
    [
      'an x of one token without a prefix token',
      itemOf([3], [4, 5]),
      { prefixToken: 'none' },
      ['causality', 'joint_le_marginal_two_pass', 'additivity_two_pass', 'context_sensitivity']
    ],
    ['an x of three tokens', itemOf([3, 4, 5], [6, 7]), {}, ['context_sensitivity']],
    ['a sequence that fills the context', itemOf([3, 4, 5, 3, 4, 5, 3, 4, 5, 3], [6, 7, 8, 9, 10]), {}, ['padding_invariance']],
    [
      'a truncated x',
      itemOf([3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5], [6, 7, 8, 9, 10]),
      { onOverflow: 'truncate_left' },
      ['joint_le_marginal_two_pass', 'additivity_two_pass', 'padding_invariance']
    ],
    ['the conditional alone', itemOf([3, 4, 5, 6], [6, 7]), { terms: new Set(['conditional']) }, ['joint_le_marginal_two_pass', 'additivity_two_pass']],
    ['the marginal alone', itemOf([3, 4, 5, 6], [6, 7]), { terms: new Set(['marginal']) }, ['joint_le_marginal_two_pass', 'additivity_two_pass']]
  ]
  for (const [what, item, options, expected] of SKIPPED) {
    it(`skips the checks that do not apply to ${what}`, async () => {
      const [outcome] = await evaluated(new FakeModel(SHAPE), [item], options, {})
      const found = deepChecks(outcome!)
      // With fewer than sixteen tokens, shift_alignment and better_than_chance are skipped as well.
      const skipped = found.filter(({ id, status }) => status === 'skipped' && !['cache_invariance', 'shift_alignment', 'better_than_chance'].includes(id))
      assert.deepEqual(skipped.map(({ id }) => id).sort(), [...expected].sort())
      assert.ok(found.every(({ status }) => status === 'skipped' || status === 'pass'))
    })
  }

  it('runs none when no token is scored', async () => {
    const model = new FakeModel(SHAPE)
    const [outcome] = await evaluated(model, [itemOf([], [3])], { terms: new Set(['marginal']) }, {})
    assert.deepEqual(deepChecks(outcome!), [])
    assert.equal(model.batches.length, 0)
  })
})

interface RandomRequest {
  readonly pairs: readonly (readonly [number[], number[]])[]
  readonly terms: ReadonlySet<Term>
  readonly eos: LogprobOptions['eos']
  readonly prefixToken: LogprobOptions['prefixToken']
}

/** Text that the model finds likely after the prefix token 0. */
const NATURAL = naturalIds(SHAPE, 0, 31)
const NATURAL_X = NATURAL.slice(1, 23)
const NATURAL_Y = NATURAL.slice(23)
const ROOMY = { maxModelLen: 64, toleranceNats: 1e-4 }

describe('verify: deep on a faulty model', () => {
  /** Ids of the deep checks with this status, for likely text that shares its batch with a longer one. */
  async function foundIn(model: FakeModel, status: Check['status'], options: Partial<LogprobOptions> = {}): Promise<string[]> {
    const neighbour = itemOf([...NATURAL_X, ...NATURAL_X.slice(0, 5)], NATURAL_Y, 1)
    const [outcome] = await evaluated(model, [itemOf(NATURAL_X, NATURAL_Y), neighbour], options, ROOMY)
    return deepChecks(outcome!)
      .filter((found) => found.status === status)
      .map(({ id }) => id)
  }

  /** Checks that fail when the pass of the result differs from that of the same sequence alone. */
  const RESULT_DIFFERS = ['causality', 'additivity_two_pass', 'batch_invariance', 'padding_invariance', 'loss_parity']
  const FAILURES: readonly [string, ModelFaults, readonly string[]][] = [
    ['tokens that depend on later ones', { seesLaterTokens: true }, ['causality', 'additivity_two_pass']],
    ['tokens that depend on other sequences of their batch', { seesNeighbours: true }, RESULT_DIFFERS],
    ['tokens that depend on padding', { seesPadding: true }, RESULT_DIFFERS],
    [
      'scores that vary from run to run',
      { noiseNats: 0.05 },
      ['causality', 'additivity_two_pass', 'rerun', 'batch_invariance', 'padding_invariance', 'loss_parity']
    ],
    ['rows that predict their own token', { rowOffset: -1 }, ['shift_alignment']],
    ['rows that predict the token after next', { rowOffset: 1 }, ['shift_alignment']],
    ['log-probabilities that were changed after the pass', { changedByNats: -0.5 }, ['loss_parity']],
    ['probabilities that do not add up to 1', { unnormalizedByNats: 0.01 }, ['normalization', 'loss_parity']]
  ]
  for (const [what, faults, expected] of FAILURES) {
    it(`finds ${what}: ${expected.join(', ')}`, async () => {
      assert.deepEqual(await foundIn(new FakeModel(SHAPE, faults), 'fail'), expected)
    })
  }

  it('finds a masked token that is in the tokenizer: finite_logits', async () => {
    const failing = async (tokens: number): Promise<string[]> => {
      const context = { ...ROOMY, tokenizer: new FakeTokenizer({ facts: { vocabSize: tokens } }) }
      const [outcome] = await evaluated(new FakeModel(SHAPE, { maskedId: 19 }), [itemOf(NATURAL_X, NATURAL_Y)], {}, context)
      return deepChecks(outcome!).flatMap(({ id, status }) => (status === 'fail' ? [id] : []))
    }
    assert.deepEqual(await failing(20), ['finite_logits'])
    assert.deepEqual(await failing(19), [])
  })

  it('warns of logits rounded to half precision', async () => {
    assert.deepEqual(await foundIn(new FakeModel(SHAPE, { isHalfPrecision: true }), 'warn'), ['precision'])
  })

  it('warns of weights that were never trained', async () => {
    const found = await foundIn(new FakeModel(SHAPE, { isUniform: true }), 'warn')
    for (const id of ['unreachable_mass', 'better_than_chance', 'context_sensitivity']) assert.ok(found.includes(id))
  })

  it('warns of an end token between x and y that hides x', async () => {
    const hidden = itemOf([3, 4, 5, 6, 1], [7, 8, 9])
    const context = { toleranceNats: 1e-6 }
    const statusOn = async (faults: ModelFaults): Promise<string | undefined> =>
      deepChecks((await evaluated(new FakeModel(SHAPE, faults), [hidden], {}, context))[0]!).find(({ id }) => id === 'context_sensitivity')?.status
    assert.equal(await statusOn({ forgetsAt: [0, 1] }), 'warn')
    assert.equal(await statusOn({}), 'pass')
  })

  it('compares x in front of y, not x alone, when only the marginal is requested', async () => {
    const found = await foundIn(new FakeModel(SHAPE, { seesLaterTokens: true }), 'fail', { terms: new Set(['marginal']) })
    assert.deepEqual(found, ['causality'])
  })

  it('finds a score that was changed in the result alone', async () => {
    class Tampering extends FakeModel {
      override async score(batch: Batch): Promise<BatchScores> {
        const scores = await super.score(batch)
        if (batch.sequences.length !== 2 || this.batches.length > 1) return scores
        return { ...scores, rows: scores.rows.map((row) => ({ ...row, logProbs: row.logProbs.map((logProb) => logProb - 0.25) })) }
      }
    }
    assert.deepEqual(await foundIn(new Tampering(SHAPE), 'fail'), ['causality', 'additivity_two_pass', 'batch_invariance', 'loss_parity'])
  })
})

describe('verificationBatches', () => {
  it('pads to a longer sequence only as far as the context allows', async () => {
    const encoded = await encodeOne(itemOf([3, 4, 5, 6], [7, 8]), { boundary: 'tokens' })
    const longestIn = (maxModelLen: number): number | undefined => verificationBatches(encoded, contextOf({ maxModelLen }))?.padded?.sequences[1]?.ids.length
    assert.deepEqual([7, 8, 14, 15, 16].map(longestIn), [undefined, 8, 14, 15, 15])
  })

  it('probes 32 evenly spaced rows, fewer of a large vocabulary, and all of a short text', async () => {
    const long = await encodeOne(itemOf(Array(99).fill(3), [4]), {}, { maxModelLen: 128 })
    const positionsOf = (vocabSize: number): readonly number[] => present(verificationBatches(long, contextOf({ vocabSize }))?.alone.probe?.positions)
    assert.deepEqual([positionsOf(20).length, positionsOf(200_000).length, positionsOf(1e7).length], [32, 20, 18])
    assert.deepEqual(positionsOf(200_000).slice(0, 4), [1, 6, 11, 16])
    const short = await encodeOne(itemOf([3], [4]))
    assert.deepEqual(verificationBatches(short, contextOf())?.alone.probe, { positions: [1, 2], textVocabSize: 14 })
  })
})
