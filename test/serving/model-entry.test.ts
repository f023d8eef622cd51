import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError } from '../../src/errors.ts'
import { entryOf, located, modelParts } from '../support/model-entries.ts'

describe('ModelEntry', () => {
  it('is starting until its model is loaded, then can be asked', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    assert.deepEqual(entry.health(), { status: 'starting', reason: 'the model is being loaded' })
    assert.throws(() => entry.scoring(), { code: 'starting', retryAfterSeconds: 1 })

    parts.becomeReady('a')
    await entry.ready

    assert.equal(entry.health().status, 'ready')
    assert.equal(entry.scoring().model.id, 'a')
  })

  it('says how far the fetching of its model is, and loads it afterwards', async () => {
    const parts = modelParts()
    let fetched = (): void => {}
    let report = (_: string): void => {}
    const entry = entryOf('a', parts, (onProgress) => {
      report = onProgress
      return new Promise((resolve) => {
        fetched = () => resolve(located('a'))
      })
    })
    report('fetching org/a: 3 of 10 MB')
    assert.deepEqual(entry.health(), { status: 'starting', reason: 'fetching org/a: 3 of 10 MB' })
    assert.throws(() => entry.scoring(), { code: 'starting', message: 'fetching org/a: 3 of 10 MB' })
    assert.deepEqual([parts.started, entry.queued, entry.restarts], [[], { tokens: 0, sequences: 0 }, 0])

    fetched()
    await new Promise(setImmediate)
    assert.deepEqual([parts.started, entry.health().reason], [[located('a')], 'the model is being loaded'])
    parts.becomeReady('a')
    await entry.ready
    assert.equal(entry.health().status, 'ready')
  })

  it('tokenizes from the time its files are there, whatever its engine does', async () => {
    const parts = modelParts()
    let fetched = (): void => {}
    const entry = entryOf(
      'a',
      parts,
      () =>
        new Promise((resolve) => {
          fetched = () => resolve(located('a'))
        })
    )
    await assert.rejects(entry.tokenizing(), { code: 'starting', retryAfterSeconds: 1 })
    fetched()
    await new Promise(setImmediate)
    assert.throws(() => entry.scoring(), { code: 'starting' })
    assert.deepEqual([(await entry.tokenizing()).id, (await entry.tokenizing()).maxModelLen], ['a', 64])

    parts.engine.state = 'failed'
    parts.engine.failure = new ServiceError('model_invalid', 'a file of the model changed')
    assert.equal((await entry.tokenizing()).id, 'a')
  })

  it('gives the reason why its model could not be fetched', async () => {
    const entry = entryOf('a', modelParts(), async () => {
      throw new ServiceError('model_invalid', 'the hub has no org/a')
    })
    await assert.rejects(entry.ready, { code: 'model_invalid' })
    assert.deepEqual([entry.health(), entry.failedToLoad], [{ status: 'failed', reason: 'the hub has no org/a' }, true])
    assert.throws(() => entry.scoring(), { code: 'model_invalid' })
  })

  it('throws at once for a folder that is none', () => {
    const refuse = (): never => {
      throw new ServiceError('model_invalid', 'there is no model folder a')
    }
    assert.throws(() => entryOf('a', modelParts(), refuse), { code: 'model_invalid' })
  })

  it('gives the reason why its model could not be loaded', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    parts.failToLoad(new ServiceError('model_unsupported', 'the graph has no head'))
    await assert.rejects(entry.ready, { code: 'model_unsupported' })
    assert.deepEqual([entry.health(), parts.watched], [{ status: 'failed', reason: 'the graph has no head' }, 0])
    assert.throws(() => entry.scoring(), { code: 'model_unsupported' })
  })

  it('goes on taking requests while its engine is replaced, and none when the engine is gone for good', async () => {
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

  it('has failed when its tokenizer has ended', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    parts.becomeReady('a')
    await entry.ready
    parts.tokenizerEnds()
    assert.equal(entry.health().status, 'failed')
  })

  it('is looked after from the time it is ready until it ends', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    assert.equal(parts.watched, 0)
    parts.becomeReady('a')
    await entry.ready
    assert.equal(parts.watched, 1)
    await entry.close()
    assert.deepEqual([parts.watched, parts.closed], [0, 1])
  })

  it('is not looked after when it becomes ready while the service stops', async () => {
    const parts = modelParts()
    const entry = entryOf('a', parts)
    entry.stopMonitor()
    parts.becomeReady('a')
    await entry.ready
    assert.equal(parts.watched, 0)
  })

  it('does not begin to load what was fetched while the service stopped', async () => {
    const parts = modelParts()
    let fetched = (): void => {}
    const entry = entryOf(
      'a',
      parts,
      () =>
        new Promise((resolve) => {
          fetched = () => resolve(located('a'))
        })
    )
    await entry.close()
    fetched()
    await assert.rejects(entry.ready, { code: 'starting' })
    assert.deepEqual(parts.started, [])
  })
})
