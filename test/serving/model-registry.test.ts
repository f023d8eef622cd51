import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError } from '../../src/errors.ts'
import { ModelRegistry } from '../../src/serving/model-registry.ts'
import { entryOf, modelParts } from '../support/model-entries.ts'

/** A registry of models a, b, ... and the fake backend of each. */
function registryOf(count: number) {
  const ids = ['a', 'b', 'c'].slice(0, count)
  const parts = Object.fromEntries(ids.map((id) => [id, modelParts()]))
  const models = new ModelRegistry(ids.map((id) => entryOf(id, parts[id]!)))
  const becomeReady = async (): Promise<void> => {
    for (const id of ids) parts[id]!.becomeReady(id)
    await models.ready
  }
  return { models, parts, becomeReady }
}

describe('ModelRegistry', () => {
  it('is ready when all of its models are, and names those that are not', async () => {
    const { models, parts } = registryOf(3)
    parts.a!.becomeReady('a')
    await new Promise(setImmediate)
    assert.deepEqual(models.health(), {
      status: 'starting',
      reason: 'b: the model is loading; c: the model is loading',
      models: [
        { id: 'a', status: 'ready', reason: 'the self-test passed' },
        { id: 'b', status: 'starting', reason: 'the model is loading' },
        { id: 'c', status: 'starting', reason: 'the model is loading' }
      ]
    })
    assert.equal(models.scoring('a').model.id, 'a')
    assert.throws(() => models.scoring('b'), { code: 'starting' })
    assert.deepEqual([models.isReady('a'), models.isReady('b')], [true, false])

    for (const id of ['b', 'c']) parts[id]!.becomeReady(id)
    await models.ready
    assert.deepEqual([models.health().status, models.health().reason], ['ready', 'the self-test passed'])
  })

  it('never becomes ready when its models do not fit into memory together', async () => {
    const parts = { a: modelParts(), b: modelParts() }
    const models = new ModelRegistry([entryOf('a', parts.a), entryOf('b', parts.b)], 900 << 20)
    parts.a.becomeReady('a', 600 << 20)
    parts.b.becomeReady('b', 600 << 20)

    await assert.rejects(models.ready, { code: 'model_too_large' })
    const { status, reason } = models.health()
    assert.equal(status, 'failed')
    assert.match(reason, /^2 models need /)
  })

  it('leaves out the id of a single model', () => {
    assert.equal(registryOf(1).models.health().reason, 'the model is loading')
  })

  it('is as ready as its least ready model, while the others still score', async () => {
    const { models, parts, becomeReady } = registryOf(3)
    await becomeReady()

    parts.b!.engine.state = 'restarting'
    assert.deepEqual([models.health().status, models.health().reason.slice(0, 3)], ['restarting', 'b: '])
    parts.c!.engine.state = 'failed'
    parts.c!.engine.failure = new ServiceError('model_invalid', 'its file changed')
    const { status, reason } = models.health()
    assert.equal(status, 'failed')
    assert.match(reason, /^b: the engine process .*; c: its file changed$/)

    assert.equal(models.scoring('a').model.id, 'a')
    assert.equal(models.scoring('b').model.id, 'b')
    assert.throws(() => models.scoring('c'), { code: 'engine_unavailable', message: 'its file changed' })
  })

  it('rejects `ready` when the first model cannot be loaded, and names it', async () => {
    const { models, parts } = registryOf(2)
    parts.b!.failToLoad(new ServiceError('model_invalid', 'the graph has no head'))
    await assert.rejects(models.ready, { code: 'model_invalid', message: 'b: the graph has no head' })
    assert.deepEqual([models.health().status, models.health().reason], ['failed', 'b: the graph has no head'])
  })

  it('rejects `ready` without the id of a single model', async () => {
    const { models, parts } = registryOf(1)
    parts.a!.failToLoad(new ServiceError('model_invalid', 'the graph has no head'))
    await assert.rejects(models.ready, { message: 'the graph has no head' })
  })

  it('reports draining before any other state except a failed load, which is why it drains', async () => {
    const { models, parts, becomeReady } = registryOf(2)
    await becomeReady()
    parts.b!.engine.state = 'restarting'
    models.beginDrain()
    assert.deepEqual([models.health().status, models.isReady('a')], ['draining', false])
    assert.equal(models.scoring('a').model.id, 'a')
    assert.deepEqual([parts.a!.monitors, parts.b!.monitors], [0, 0])

    const failing = registryOf(2)
    failing.parts.a!.failToLoad(new ServiceError('model_invalid', 'the graph has no head'))
    await assert.rejects(failing.models.ready)
    failing.models.beginDrain()
    assert.equal(failing.models.health().status, 'failed')
  })

  it('closes every model', async () => {
    const { models, parts } = registryOf(3)
    await models.close()
    assert.deepEqual(
      Object.values(parts).map(({ closed }) => closed),
      [1, 1, 1]
    )
  })
})
