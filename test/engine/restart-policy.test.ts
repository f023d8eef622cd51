import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import { MAX_FAILED_STARTS, restartDelayMs, StartRecord } from '../../src/engine/restart-policy.ts'
import { ServiceError } from '../../src/errors.ts'

test('a process that had been ready is replaced at once; the pause doubles with each failed start, up to 10 s', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 20].map(restartDelayMs), [0, 200, 400, 800, 1600, 10_000])
})

describe('StartRecord', () => {
  const info = {} as EngineInfo

  it('is hopeless after five failed starts in a row, and a start that succeeds resets the count', () => {
    const starts = new StartRecord()
    for (let failed = 1; failed < MAX_FAILED_STARTS; failed++) starts.ended(false)
    assert.equal(starts.isHopeless, false)
    starts.ready(info)
    starts.scored()
    starts.ended(false)
    assert.equal(starts.failedStarts, 0)
    for (let failed = 1; failed <= MAX_FAILED_STARTS; failed++) starts.ended(false)
    assert.deepEqual([starts.isHopeless, starts.restarts], [true, 2 * MAX_FAILED_STARTS])
  })

  it('counts an end soon after the start as a failed start, unless the process scored, was told to end or ended over a batch', () => {
    let nowMs = 0
    const starts = new StartRecord(() => nowMs)
    const failedAfter = (isExcused: boolean, scores: boolean, readyForMs: number): number => {
      starts.ready(info)
      if (scores) starts.scored()
      nowMs += readyForMs
      starts.ended(isExcused)
      return starts.failedStarts
    }
    assert.equal(failedAfter(false, false, 9_000), 1)
    assert.equal(failedAfter(false, false, 9_000), 2)
    assert.equal(failedAfter(true, false, 9_000), 0)
    assert.equal(failedAfter(false, false, 9_000), 1)
    assert.equal(failedAfter(false, true, 9_000), 0)
    assert.equal(failedAfter(false, false, 9_000), 1)
    assert.equal(failedAfter(false, false, 11_000), 0)
  })

  it('settles its promise with the first outcome', async () => {
    const loaded = new StartRecord()
    loaded.ready(info)
    loaded.giveUp(new ServiceError('engine_unavailable', 'too late'))
    assert.equal(await loaded.started, info)
    const failed = new StartRecord()
    failed.giveUp(new ServiceError('model_invalid', 'no graph'))
    await assert.rejects(failed.started, { code: 'model_invalid' })
  })
})
