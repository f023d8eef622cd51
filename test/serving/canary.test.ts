// Own process: its timers stand still.

import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import type { SelfTestReport } from '../../src/engine/engine-info.ts'
import { ServiceError } from '../../src/errors.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { Canary } from '../../src/serving/canary.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'

const TOLERANCE = 2 ** -10

/** What the fake engine says of the ids, and what it is expected to say. */
function answerOf(ids: readonly number[], offNats = 0): SelfTestReport['answers'][number] {
  const { logProbs } = fakeScores({ ids: Int32Array.from(ids), firstScored: 1 })
  return { ids, logProbs: Array.from(logProbs, (logProb, i) => logProb + (i === 1 ? offNats : 0)) }
}

interface Bench {
  readonly canary: Canary
  readonly engine: FakeEngine
  readonly wrong: number[]
  readonly failures: unknown[]
}

function benchOf(answers: SelfTestReport['answers'], { intervalMs = 0, engine = new FakeEngine() } = {}): Bench {
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
  it('scores a text of the start alone and finds it as it was', async () => {
    const { canary, engine, wrong } = benchOf([answerOf([0, 5, 7, 3])])
    assert.equal(canary.lastMaxDifference, null)
    await canary.run()
    assert.deepEqual(engine.batches, [{ sequences: [{ ids: Int32Array.of(0, 5, 7, 3), firstScored: 1 }], topCount: null }])
    assert.deepEqual([wrong, canary.lastMaxDifference], [[], 0])
  })

  it('takes the texts in turn', async () => {
    const { canary, engine } = benchOf([answerOf([0, 1, 2]), answerOf([0, 3, 4])])
    for (let run = 0; run < 3; run++) await canary.run()
    assert.deepEqual(
      engine.batches.map(({ sequences }) => sequences[0]?.ids[1]),
      [1, 3, 1]
    )
  })

  const CASES: readonly [string, number, boolean][] = [
    ['at the tolerance', TOLERANCE, false],
    ['just above the tolerance', TOLERANCE + 2 ** -30, true],
    ['below by more than the tolerance', -0.5, true],
    ['not a number', Number.NaN, true]
  ]
  for (const [what, offNats, isWrong] of CASES) {
    it(`${isWrong ? 'tells of' : 'accepts'} a number that is ${what}`, async () => {
      const { canary, wrong } = benchOf([answerOf([0, 5, 7, 3], offNats)])
      await canary.run()
      assert.deepEqual(wrong, isWrong ? [Number.isNaN(offNats) ? Number.POSITIVE_INFINITY : Math.abs(offNats)] : [])
    })
  }

  it('tells of numbers that are missing', async () => {
    const engine = new FakeEngine()
    const without: FakeEngine = Object.assign(engine, { score: async (_: Batch): Promise<BatchScores> => ({ rows: [], probes: [], runMs: 1 }) })
    const { canary, wrong } = benchOf([answerOf([0, 5])], { engine: without })
    await canary.run()
    assert.deepEqual(wrong, [Number.POSITIVE_INFINITY])
  })

  it('finds nothing wrong when no number comes back, and goes on', async () => {
    const { canary, engine, wrong, failures } = benchOf([answerOf([0, 5, 7], 1)])
    engine.failureFor = () => new ServiceError('engine_unavailable', 'the fake has ended')
    await canary.run()
    assert.deepEqual([wrong, canary.lastMaxDifference, failures], [[], null, []])
    engine.failureFor = () => null
    await canary.run()
    assert.deepEqual(wrong, [1])
  })

  it('tells of a failure that is not the absence of an engine, and goes on', async () => {
    const { canary, engine, wrong, failures } = benchOf([answerOf([0, 5, 7])])
    engine.failureFor = () => new ServiceError('internal_error', 'a fault of the canary')
    await canary.run()
    assert.deepEqual(
      failures.map((error) => (error as ServiceError).code),
      ['internal_error']
    )
    engine.failureFor = () => null
    await canary.run()
    assert.deepEqual([failures.length, wrong, canary.lastMaxDifference], [1, [], 0])
  })

  it('has nothing to do without answers', async () => {
    const { canary, engine } = benchOf([])
    await canary.run()
    assert.equal(engine.batches.length, 0)
  })

  it('runs by itself every interval, and never at 0', async (t) => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.after(() => mock.timers.reset())
    const [timed, still] = [benchOf([answerOf([0, 5])], { intervalMs: 1000 }), benchOf([answerOf([0, 5])])]
    mock.timers.tick(2500)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([timed.engine.batches.length, still.engine.batches.length], [2, 0])
    timed.canary.stop()
    mock.timers.tick(5000)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(timed.engine.batches.length, 2)
  })

  it('takes back a run that waits when it is stopped, and runs no more', async () => {
    const engine = new FakeEngine({ held: true })
    const { canary, wrong, failures } = benchOf([answerOf([0, 5, 6], 1)], { engine })
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
