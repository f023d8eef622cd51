import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import { EnginePool } from '../../src/engine/engine-pool.ts'
import { fakeScores } from '../support/fake-engine.ts'
import { ANSWERS, FakePoolEngine } from '../support/fake-pool-engine.ts'

interface Pool {
  readonly pool: EnginePool
  /** In the order in which they were started. */
  readonly engines: readonly FakePoolEngine[]
}

function create(replicas: number): Pool {
  const engines: FakePoolEngine[] = []
  const pool = new EnginePool({
    replicas,
    executionProvider: 'cpu',
    start(index, known, onChange) {
      engines[index] = new FakePoolEngine(known, onChange)
      return engines[index]
    }
  })
  return { pool, engines }
}

/** A pool whose engines are all ready. */
async function ready(replicas: number): Promise<Pool> {
  const { pool, engines } = create(replicas)
  engines[0]?.becomeReady()
  pool.expectFiles({})
  await settled()
  for (const engine of engines.slice(1)) engine.becomeReady()
  return { pool, engines }
}

/** Runs the callbacks of promises that are resolved. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function batch(tokens: number, start = 0, layout: Batch['layout'] = 'plain'): Batch {
  return { sequences: [{ ids: Int32Array.from({ length: tokens + 1 }, (_, i) => start + i), firstScored: 1 }], topCount: null, layout }
}

const rightFor = ({ rows }: BatchScores, { sequences }: Batch): boolean => isDeepStrictEqual(rows, sequences.map(fakeScores))

function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('EnginePool', () => {
  it('starts the other engines with the answers of the first, once that is ready and the files are known', async () => {
    const { pool, engines } = create(3)
    await settled()
    assert.equal(engines.length, 1)
    engines[0]?.becomeReady()
    await pool.started()
    await settled()
    assert.equal(engines.length, 1)

    const seal = { '/model.onnx': { identity: '1', sha256: 'a' } }
    pool.expectFiles(seal)
    await settled()
    assert.equal(engines.length, 3)
    assert.deepEqual(
      engines.map(({ expectedFiles }) => expectedFiles),
      [seal, seal, seal]
    )
    const repeated = ANSWERS.map((answer) => ({ source: 'repeated', ...answer }))
    assert.deepEqual(
      engines.map(({ known }) => known),
      [[], repeated, repeated]
    )
    pool.expectFiles(seal)
    await settled()
    assert.equal(engines.length, 3)
  })

  it('has the state of its best engine and fails only when none can be started', async () => {
    const { pool, engines } = create(2)
    assert.deepEqual([pool.state, pool.readyCount], ['starting', 0])
    engines[0]?.becomeReady()
    pool.expectFiles({})
    await settled()
    assert.deepEqual([pool.state, pool.readyCount], ['ready', 1])
    engines[1]?.becomeReady()
    assert.equal(pool.readyCount, 2)
    engines[0]?.die()
    assert.deepEqual([pool.state, pool.readyCount], ['ready', 1])
    engines[1]?.die()
    assert.equal(pool.state, 'restarting')
    engines[0]?.fail()
    assert.deepEqual([pool.state, pool.failure], ['restarting', null])
    engines[1]?.becomeReady()
    assert.equal(pool.state, 'ready')
    engines[1]?.fail()
    assert.deepEqual([pool.state, pool.failure?.code, pool.restarts], ['failed', 'model_invalid', 2])
    await assert.rejects(pool.score(batch(5)), { code: 'engine_unavailable', message: 'the model cannot be loaded' })
  })

  it('rejects with the reason when the first engine cannot load the model', async () => {
    const { pool, engines } = create(2)
    engines[0]?.fail()
    await assert.rejects(pool.started(), { code: 'model_invalid' })
    assert.equal(engines.length, 1)
  })

  it('gives a batch to the engine with the fewest pending tokens, and takes turns while all are idle', async () => {
    const { pool, engines } = await ready(3)
    const sizes = [50, 20, 10, 5, 1, 10]
    const scores = sizes.map((tokens) => pool.score(batch(tokens)))
    // 50 | 20 | 10, 5, 1 -> 16, then 10 more to the third, which has the fewest.
    assert.deepEqual(
      engines.map(({ pendingTokens }) => pendingTokens),
      [50, 20, 26]
    )
    for (const engine of engines) while (engine.running !== undefined) engine.answer()
    await Promise.all(scores)

    for (let turn = 0; turn < 6; turn++) {
      const score = pool.score(batch(7))
      const [busy, ...rest] = engines.filter(({ running }) => running !== undefined)
      assert.deepEqual([engines.indexOf(busy!), rest.length], [turn % 3, 0])
      busy?.answer()
      await score
    }
  })

  it('sends a batch to the engine that has its prefix in the cache', async () => {
    const { pool, engines } = await ready(3)
    for (let turn = 0; turn < 4; turn++) {
      const score = pool.score(batch(60, 100, 'shared'))
      assert.ok(engines[0]?.running, `turn ${turn}`)
      engines[0].answer()
      await score
    }
    engines[0]?.die()
    engines[0]?.becomeReady()
    void pool.score(batch(60, 100, 'shared'))
    assert.ok(engines[1]?.running)
  })

  it('moves the batches of a crashed engine to ready ones, each of them once', async () => {
    const { pool, engines } = await ready(2)
    const batches = [batch(30), batch(30, 100), batch(30, 200), batch(30, 300)]
    const scores = batches.map((each) => pool.score(each))
    engines[0]?.die()
    assert.deepEqual(
      engines.map(({ pendingTokens }) => pendingTokens),
      [0, 120]
    )
    for (let answered = 0; answered < 4; answered++) engines[1]?.answer()
    for (const [i, score] of (await Promise.all(scores)).entries()) assert.ok(rightFor(score, batches[i]!))
  })

  it('rejects a batch that crashed two processes, of any engines, and no batch that waited with it', async () => {
    const { pool, engines } = await ready(2)
    const [deadly, other] = [pool.score(batch(40)), pool.score(batch(30, 100))]
    const deadlyFailed = assert.rejects(deadly, { code: 'poison_request' })
    engines[0]?.die()
    engines[1]?.answer()
    await other
    engines[1]?.die()
    await deadlyFailed
  })

  it('keeps batches while no engine is ready and gives them to the first that is', async () => {
    const { pool, engines } = await ready(2)
    const score = pool.score(batch(30))
    engines[1]?.die()
    engines[0]?.die()
    const late = pool.score(batch(20, 100))
    engines[1]?.becomeReady()
    engines[1]?.answer()
    engines[1]?.answer()
    assert.ok(rightFor(await score, batch(30)) && rightFor(await late, batch(20, 100)))
  })

  it('moves the batches of a failed engine to the others and rejects them when none is left', async () => {
    const { pool, engines } = await ready(2)
    const score = pool.score(batch(30))
    engines[1]?.die()
    engines[0]?.fail()
    assert.equal(engines[1]?.pendingTokens, 30)
    const rejected = assert.rejects(score, { code: 'engine_unavailable', message: 'the model cannot be loaded' })
    engines[1]?.fail()
    await rejected
  })

  it('replaces and closes all of its engines', async () => {
    const { pool, engines } = await ready(2)
    pool.replace('wrong scores')
    assert.deepEqual(
      engines.map(({ replacedFor }) => replacedFor),
      [['wrong scores'], ['wrong scores']]
    )
    const score = pool.score(batch(30))
    const rejected = assert.rejects(score, { code: 'engine_unavailable', message: 'the service is stopping' })
    await pool.close()
    await rejected
    assert.equal(pool.state, 'stopped')
    await assert.rejects(pool.score(batch(3)), { code: 'engine_unavailable', message: 'the service is stopping' })
    assert.ok(engines.every(({ state }) => state === 'stopped'))
  })

  it('answers each batch once with its own scores over random orders of batches, answers, crashes and restarts', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = mulberry(seed)
      const below = (bound: number): number => Math.floor(random() * bound)
      const { pool, engines } = await ready(1 + below(4))
      const outcomes = new Map<number, 'right' | 'wrong' | 'crashed'>()
      const work: Promise<void>[] = []
      for (let step = 0; step < 120; step++) {
        const engine = engines[below(engines.length)]!
        const [sent, dice] = [batch(1 + below(60), below(500), random() < 0.5 ? 'shared' : 'plain'), random()]
        if (dice < 0.4) {
          const index = work.length
          const settle = (outcome: 'right' | 'wrong' | 'crashed'): void => {
            outcomes.set(index, outcomes.has(index) ? 'wrong' : outcome)
          }
          work.push(
            pool.score(sent).then(
              (scores) => settle(rightFor(scores, sent) ? 'right' : 'wrong'),
              ({ code }: { code?: string }) => settle(code === 'poison_request' ? 'crashed' : 'wrong')
            )
          )
        } else if (dice < 0.85) {
          if (engine.running !== undefined) engine.answer()
        } else if (dice < 0.92) {
          if (engine.state === 'ready') engine.die()
        } else if (engine.state === 'restarting') engine.becomeReady()
        const isAnyReady = engines.some(({ state }) => state === 'ready')
        for (const { state, pendingTokens } of engines) if (isAnyReady && state !== 'ready') assert.equal(pendingTokens, 0, `seed ${seed}, step ${step}`)
      }
      for (const engine of engines) if (engine.state === 'restarting') engine.becomeReady()
      for (const engine of engines) while (engine.running !== undefined) engine.answer()
      await Promise.all(work)
      assert.equal(outcomes.size, work.length)
      assert.ok(![...outcomes.values()].includes('wrong'), `seed ${seed}`)
    }
  })
})
