// Own process: it mocks the timers of the whole process.

import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import type { SelfTestReport } from '../../src/engine/engine-info.ts'
import { ServiceError } from '../../src/errors.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { Canary } from '../../src/serving/canary.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'

const TOLERANCE = 2 ** -10

/** The fake engine's answer for these ids, with its second token off by `offNats`. */
function answerOf(ids: readonly number[], offNats = 0): SelfTestReport['answers'][number] {
  const { logProbs } = fakeScores({ ids: Int32Array.from(ids), firstScored: 1 })
  return { ids, logProbs: Array.from(logProbs, (logProb, i) => logProb + (i === 1 ? offNats : 0)) }
}

interface CanaryUnderTest {
  readonly canary: Canary
  readonly engine: FakeEngine
  readonly wrong: number[]
  readonly failures: unknown[]
}

function canaryWith(answers: SelfTestReport['answers'], { intervalMs = 0, engine = new FakeEngine() } = {}): CanaryUnderTest {
  const wrong: number[] = []
  const failures: unknown[] = []
  const selfTest: SelfTestReport = {
    verdict: 'pass',
    items: [],
    toleranceNats: TOLERANCE,
    ceilingNats: 1,
    noise: { max: 0, p999: 0, tokens: 0 },
    causal: 'exact',
    answers,
    tookMs: 1
  }
  const scheduler = new Scheduler(engine, { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 })
  const context = { scheduler, selfTest, onWrong: (max: number) => wrong.push(max), onFailed: (error: unknown) => failures.push(error) }
  return { engine, wrong, failures, canary: new Canary(context, intervalMs) }
}

describe('Canary', () => {
  it('scores a text of the self-test alone and finds no difference', async () => {
    const { canary, engine, wrong } = canaryWith([answerOf([0, 5, 7, 3])])
    assert.equal(canary.lastMaxDifference, null)
    await canary.run()
    assert.deepEqual(engine.batches, [{ sequences: [{ ids: Int32Array.of(0, 5, 7, 3), firstScored: 1 }], topCount: null }])
    assert.deepEqual([wrong, canary.lastMaxDifference], [[], 0])
  })

  it('scores the texts in turn', async () => {
    const { canary, engine } = canaryWith([answerOf([0, 1, 2]), answerOf([0, 3, 4])])
    for (let run = 0; run < 3; run++) await canary.run()
    assert.deepEqual(
      engine.batches.map(({ sequences }) => sequences[0]?.ids[1]),
      [1, 3, 1]
    )
  })

  const CASES: readonly [string, number, boolean][] = [
    ['at the tolerance', TOLERANCE, false],
    ['just above the tolerance', TOLERANCE + 2 ** -30, true],
    ['below it by more than the tolerance', -0.5, true],
    ['not a number', Number.NaN, true]
  ]
  for (const [what, offNats, isWrong] of CASES) {
    it(`${isWrong ? 'reports' : 'accepts'} a log-probability that is ${what}`, async () => {
      const { canary, wrong } = canaryWith([answerOf([0, 5, 7, 3], offNats)])
      await canary.run()
      assert.deepEqual(wrong, isWrong ? [Number.isNaN(offNats) ? Number.POSITIVE_INFINITY : Math.abs(offNats)] : [])
    })
  }

  it('reports missing log-probabilities', async () => {
    const engine = new FakeEngine()
    const without: FakeEngine = Object.assign(engine, { score: async (_: Batch): Promise<BatchScores> => ({ rows: [], probes: [], runMs: 1 }) })
    const { canary, wrong } = canaryWith([answerOf([0, 5])], { engine: without })
    await canary.run()
    assert.deepEqual(wrong, [Number.POSITIVE_INFINITY])
  })

  it('reports nothing while the engine is away, and compares again afterwards', async () => {
    const { canary, engine, wrong, failures } = canaryWith([answerOf([0, 5, 7], 1)])
    engine.failureFor = () => new ServiceError('engine_unavailable', 'the fake engine has ended')
    await canary.run()
    assert.deepEqual([wrong, canary.lastMaxDifference, failures], [[], null, []])
    engine.failureFor = () => null
    await canary.run()
    assert.deepEqual(wrong, [1])
  })

  it('reports a failure other than an absent engine, and compares again afterwards', async () => {
    const { canary, engine, wrong, failures } = canaryWith([answerOf([0, 5, 7])])
    engine.failureFor = () => new ServiceError('internal_error', 'a bug in the canary')
    await canary.run()
    assert.deepEqual(
      failures.map((error) => (error as ServiceError).code),
      ['internal_error']
    )
    engine.failureFor = () => null
    await canary.run()
    assert.deepEqual([failures.length, wrong, canary.lastMaxDifference], [1, [], 0])
  })

  it('does nothing when the self-test has no answers', async () => {
    const { canary, engine } = canaryWith([])
    await canary.run()
    assert.equal(engine.batches.length, 0)
  })

  it('runs at every interval, and never with an interval of 0', async (t) => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.after(() => mock.timers.reset())
    const [timed, untimed] = [canaryWith([answerOf([0, 5])], { intervalMs: 1000 }), canaryWith([answerOf([0, 5])])]
    mock.timers.tick(2500)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([timed.engine.batches.length, untimed.engine.batches.length], [2, 0])
    timed.canary.stop()
    mock.timers.tick(5000)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(timed.engine.batches.length, 2)
  })

  it('cancels a waiting run when it is stopped, and does not run again', async () => {
    const engine = new FakeEngine({ held: true })
    const { canary, wrong, failures } = canaryWith([answerOf([0, 5, 6], 1)], { engine })
    const first = canary.run()
    await engine.received(1)
    const second = canary.run()
    canary.stop()
    await Promise.all([first, second])
    engine.release()
    await canary.run()
    assert.deepEqual([engine.batches.length, wrong, failures], [1, [], []])
  })
})
