import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import { LogprobEvaluator } from '../../src/evaluation/logprob-evaluator.ts'
import { SampledVerification } from '../../src/evaluation/sampled-verification.ts'
import { type SequenceScores, sequenceScoresOf } from '../../src/evaluation/scored-item.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import type { Check, Checks } from '../../src/scoring/checks/check.ts'
import { FakeModel, type FakeModelShape, type ModelFaults } from '../support/fake-model.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { contextOf, encodeOne, itemOf, optionsOf } from '../support/logprob-items.ts'

const SHAPE: FakeModelShape = { vocabSize: 20, textVocabSize: 14 }
const LIMITS = { maxBatchTokens: 1000, longTextTokens: 100, maxQueueTokens: 1000 }
const ITEM = itemOf([3, 4, 5, 6], [7, 8])
/** alone, again, x alone, padded, y alone */
const PASSES = 5

/** A model whose passes can be held or made to fail. */
class SlowModel extends FakeModel {
  failure: ServiceError | null = null
  #release: () => void = () => {}
  #held: Promise<void> | null = null

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve
    })
  }

  release(): void {
    this.#held = null
    this.#release()
  }

  override async score(batch: Batch): Promise<BatchScores> {
    const scores = await super.score(batch)
    await this.#held
    if (this.failure !== null) throw this.failure
    return scores
  }
}

interface Setup {
  readonly model: SlowModel
  readonly scheduler: Scheduler
  readonly sampled: SampledVerification
  /** The verdicts so far, each with the checks that did not pass. */
  readonly verified: (readonly [Checks['verdict'], readonly Check['id'][]])[]
  readonly failures: unknown[]
}

function setUp({ share = 1, faults = {}, random }: { share?: number; faults?: ModelFaults; random?: () => number } = {}): Setup {
  const model = new SlowModel(SHAPE, faults)
  const scheduler = new Scheduler(model, LIMITS)
  const verified: Setup['verified'] = []
  const failures: unknown[] = []
  const sampled = new SampledVerification(contextOf({ tokenizer: new FakeTokenizer({ facts: { vocabSize: SHAPE.vocabSize } }) }), scheduler, {
    share,
    onVerified: (verdict, found) => verified.push([verdict, found.map(({ id }) => id)]),
    onFailed: (error) => failures.push(error),
    ...(random === undefined ? {} : { random })
  })
  return { model, scheduler, sampled, verified, failures }
}

/** The item and its scores from a model without faults. */
async function answered(item = ITEM): Promise<[EncodedItem, SequenceScores]> {
  const encoded = await encodeOne(item)
  const { rows } = await new FakeModel(SHAPE).score({ sequences: [{ ids: encoded.ids, firstScored: encoded.scoredStart }], topCount: null })
  return [encoded, sequenceScoresOf(encoded, rows[0] ?? null)]
}

/** Enough turns for all passes of a verification; nothing here waits for a clock. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('SampledVerification', () => {
  it('verifies a sequence in five passes and reports the verdict', async () => {
    const { model, sampled, verified } = setUp()
    sampled.consider(...(await answered()))
    await settled()
    assert.equal(model.batches.length, PASSES)
    assert.deepEqual(verified, [['pass', []]])
  })

  it('reports the checks that did not pass', async () => {
    const { sampled, verified } = setUp({ faults: { maskedId: 19 } })
    sampled.consider(...(await answered()))
    await settled()
    assert.deepEqual(verified, [['fail', ['finite_logits']]])
  })

  it('fails a response that differs from the current scores of the model', async () => {
    const { sampled, verified } = setUp()
    const [encoded, scored] = await answered()
    const rows = { ...scored.rows!, logProbs: scored.rows!.logProbs.map((logProb) => logProb - 0.5) }
    sampled.consider(encoded, sequenceScoresOf(encoded, rows))
    await settled()
    assert.equal(verified[0]?.[0], 'fail')
    assert.ok(verified[0]?.[1].includes('batch_invariance'))
  })

  const DRAWS: readonly [number, number, boolean][] = [
    [0, 0, false],
    [1, 1 - 2 ** -53, true],
    [0.25, 0.2499, true],
    [0.25, 0.25, false]
  ]
  for (const [share, drawn, isVerified] of DRAWS) {
    it(`${isVerified ? 'verifies' : 'skips'} a sequence when the random number is ${drawn} and the share ${share}`, async () => {
      const { model, sampled } = setUp({ share, random: () => drawn })
      sampled.consider(...(await answered()))
      await settled()
      assert.equal(model.batches.length, isVerified ? PASSES : 0)
    })
  }

  it('verifies one sequence at a time and skips the others', async () => {
    const { model, sampled, verified } = setUp()
    model.hold()
    const one = await answered()
    sampled.consider(...one)
    sampled.consider(...one)
    await settled()
    sampled.consider(...one)
    await settled()
    model.release()
    await settled()
    assert.deepEqual([model.batches.length, verified.length], [PASSES, 1])
    sampled.consider(...one)
    await settled()
    assert.equal(verified.length, 2)
  })

  it('skips a sequence while other work waits or runs', async () => {
    const { model, scheduler, sampled, verified } = setUp()
    model.hold()
    const working = scheduler.submit([{ sequence: { ids: Int32Array.of(0, 3, 4), firstScored: 1 }, topCount: null }], { signal: new AbortController().signal })
    sampled.consider(...(await answered()))
    await settled()
    model.release()
    await Promise.all(working)
    await settled()
    assert.deepEqual([model.batches.length, verified.length], [1, 0])
  })

  it('reports nothing when the engine fails, and verifies the next sequence', async () => {
    const { model, sampled, verified, failures } = setUp()
    const one = await answered()
    model.failure = new ServiceError('engine_unavailable', 'the fake has ended')
    sampled.consider(...one)
    await settled()
    assert.deepEqual([verified, failures], [[], []])
    model.failure = null
    sampled.consider(...one)
    await settled()
    assert.deepEqual(verified, [['pass', []]])
  })

  it('reports its own failure, and verifies the next sequence', async () => {
    const { sampled, verified, failures } = setUp()
    const [encoded, scored] = await answered()
    const damaged = {
      ...encoded,
      get sizes(): EncodedItem['sizes'] {
        throw new TypeError('a fault of the verification')
      }
    }
    sampled.consider(damaged, scored)
    await settled()
    assert.deepEqual([verified, failures.map(String)], [[], ['TypeError: a fault of the verification']])
    sampled.consider(encoded, scored)
    await settled()
    assert.deepEqual(verified, [['pass', []]])
  })

  it('reports nothing when the queue is full', async () => {
    const verified: unknown[] = []
    const failures: unknown[] = []
    const full = {
      isIdle: true,
      submitAll: () => {
        throw new ServiceError('queue_full', 'full')
      }
    }
    const sampled = new SampledVerification(contextOf(), full, {
      share: 1,
      onVerified: (verdict) => verified.push(verdict),
      onFailed: (error) => failures.push(error)
    })
    sampled.consider(...(await answered()))
    await settled()
    assert.deepEqual([verified, failures], [[], []])
  })

  it('skips a sequence without scored tokens', async () => {
    const { model, sampled } = setUp()
    const encoded = await encodeOne(itemOf([], [3]), { terms: new Set(['marginal']) })
    sampled.consider(encoded, sequenceScoresOf(encoded, null))
    await settled()
    assert.equal(model.batches.length, 0)
  })

  it('verifies the results of an evaluator, except those with verify: deep', async () => {
    const { model, scheduler, sampled, verified } = setUp()
    const evaluator = new LogprobEvaluator(contextOf(), scheduler)
    evaluator.listen((encoded, scored) => sampled.consider(encoded, scored))
    for (const verify of ['standard', 'deep'] as const) {
      const { outcomes } = await evaluator.evaluate([ITEM], optionsOf({ verify }), { signal: new AbortController().signal })
      await Promise.all(outcomes)
      await settled()
    }
    assert.deepEqual(verified, [['pass', []]])
    assert.equal(model.batches.length, 2 * (1 + PASSES))
  })
})
