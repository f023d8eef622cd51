import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError } from '../../src/errors.ts'
import { entryOf, located, modelParts } from '../support/model-entries.ts'

describe('ModelEntry', () => {
  it('is starting until its model is loaded, then scores', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    assert.deepEqual(entry.health(), { status: 'starting', reason: 'the model is loading' })
    assert.throws(() => entry.scoring(), { code: 'starting', retryAfterSeconds: 1 })

    parts.becomeReady('a')
    await entry.ready

    assert.equal(entry.health().status, 'ready')
    assert.equal(entry.scoring().model.id, 'a')
  })

  it('reports the progress of a download, and loads the model afterwards', async () => {
    const parts = modelParts()
    let downloaded = (): void => {}
    let report = (_: string): void => {}
    const entry = entryOf('a', parts, (onProgress) => {
      report = onProgress
      return new Promise((resolve) => {
        downloaded = () => resolve(located('a'))
      })
    })
    report('downloading org/a: 3 of 10 MB')
    assert.deepEqual(entry.health(), { status: 'starting', reason: 'downloading org/a: 3 of 10 MB' })
    assert.throws(() => entry.scoring(), { code: 'starting', message: 'downloading org/a: 3 of 10 MB' })
    assert.deepEqual([parts.started, entry.queued, entry.restarts], [[], { tokens: 0, sequences: 0 }, 0])

    downloaded()
    await new Promise(setImmediate)
    assert.deepEqual([parts.started, entry.health().reason], [[located('a')], 'the model is loading'])
    parts.becomeReady('a')
    await entry.ready
    assert.equal(entry.health().status, 'ready')
  })

  it('tokenizes once its files are there, whatever the state of its engine', async () => {
    const parts = modelParts()
    let downloaded = (): void => {}
    const entry = entryOf(
      'a',
      parts,
      () =>
        new Promise((resolve) => {
          downloaded = () => resolve(located('a'))
        })
    )
    await assert.rejects(entry.tokenizing(), { code: 'starting', retryAfterSeconds: 1 })
    downloaded()
    await new Promise(setImmediate)
    assert.throws(() => entry.scoring(), { code: 'starting' })
    assert.deepEqual([(await entry.tokenizing()).id, (await entry.tokenizing()).maxModelLen], ['a', 64])

    parts.engine.state = 'failed'
    parts.engine.failure = new ServiceError('model_invalid', 'a file of the model changed')
    assert.equal((await entry.tokenizing()).id, 'a')
  })

  it('fails with the reason why its model could not be downloaded', async () => {
    const entry = entryOf('a', modelParts(), async () => {
      throw new ServiceError('model_invalid', 'the hub has no org/a')
    })
    await assert.rejects(entry.ready, { code: 'model_invalid' })
    assert.deepEqual([entry.health(), entry.failedToLoad], [{ status: 'failed', reason: 'the hub has no org/a' }, true])
    assert.throws(() => entry.scoring(), { code: 'model_invalid' })
  })

  it('throws at once when its folder does not exist', () => {
    const refuse = (): never => {
      throw new ServiceError('model_invalid', 'there is no model folder a')
    }
    assert.throws(() => entryOf('a', modelParts(), refuse), { code: 'model_invalid' })
  })

  it('fails with the reason why its model could not be loaded', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    parts.failToLoad(new ServiceError('model_unsupported', 'the graph has no head'))
    await assert.rejects(entry.ready, { code: 'model_unsupported' })
    assert.deepEqual([entry.health(), parts.monitors], [{ status: 'failed', reason: 'the graph has no head' }, 0])
    assert.throws(() => entry.scoring(), { code: 'model_unsupported' })
  })

  it('accepts requests while its engine restarts, and none once the engine has failed for good', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    parts.becomeReady('a')
    await entry.ready

    parts.engine.state = 'restarting'
    assert.deepEqual([entry.health().status, entry.scoring().model.id], ['restarting', 'a'])

    parts.engine.state = 'failed'
    parts.engine.failure = new ServiceError('model_invalid', 'a file of the model changed')
    assert.deepEqual(entry.health(), { status: 'failed', reason: 'a file of the model changed' })
    assert.throws(() => entry.scoring(), { code: 'engine_unavailable', message: 'a file of the model changed' })
    assert.equal(entry.failedToLoad, false)
  })

  it('fails when its tokenizer thread ends', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    parts.becomeReady('a')
    await entry.ready
    parts.tokenizerEnds()
    assert.equal(entry.health().status, 'failed')
  })

  it('is monitored from when it is ready until it is closed', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    assert.equal(parts.monitors, 0)
    parts.becomeReady('a')
    await entry.ready
    assert.equal(parts.monitors, 1)
    await entry.close()
    assert.deepEqual([parts.monitors, parts.closed], [0, 1])
  })

  it('is not monitored when it becomes ready while the service stops', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    entry.stopMonitor()
    parts.becomeReady('a')
    await entry.ready
    assert.equal(parts.monitors, 0)
  })

  it('does not load a model whose download finishes while the service stops', async () => {
    const parts = modelParts()
    let downloaded = (): void => {}
    const entry = entryOf(
      'a',
      parts,
      () =>
        new Promise((resolve) => {
          downloaded = () => resolve(located('a'))
        })
    )
    await entry.close()
    downloaded()
    await assert.rejects(entry.ready, { code: 'starting' })
    assert.deepEqual(parts.started, [])
  })
})
