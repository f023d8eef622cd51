import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import { startEngines } from '../../src/engine/start-engines.ts'
import { hashFiles } from '../../src/model/weights/file-hashes.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from '../support/present.ts'
import { childPids, pause } from '../support/running-service.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const { vocab_size: vocabSize } = JSON.parse(readFileSync(join(EMBEDDED, 'config.json'), 'utf8')) as { vocab_size: number }
const SPEC: EngineSpec = {
  onnxPath: join(EMBEDDED, 'model.onnx'),
  executionProvider: 'cpu',
  threads: 1,
  sharesCores: true,
  vocabSize,
  headSize: 64,
  ceilingNats: 1e-3,
  approximateCeilingNats: 0.5,
  claimsFloat32: true,
  expectedFiles: {}
}
const natural = Array.from({ length: 40 }, (_, i) => (i * 37) % 4000)
const texts = { natural, reversed: natural.toReversed(), textVocabSize: vocabSize }

const batchOf = (i: number): Batch => ({
  sequences: [{ ids: Int32Array.from({ length: 90 + i }, (_, k) => (i * 97 + k * 31) % 4000), firstScored: 1 }],
  topCount: 3
})
const scoresOf = ({ rows }: BatchScores): unknown => rows.map(({ logProbs, checksums, detail }) => ({ logProbs, checksums, detail }))

async function until(isTrue: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !isTrue(); await pause(5)) if (Date.now() > deadline) throw new Error('the condition was not met within 30 s')
}

describe('startEngines', () => {
  it('answers every batch with the same scores when one of two processes is killed under load, twice', async (t) => {
    const log: { replica?: number; message: string }[] = []
    const note = (fields: object, message: string): void => void log.push({ ...fields, message })
    const options = { log: { info: note, warn: note, error: note }, batchTimeoutMs: 20_000, heartbeatTimeoutMs: 20_000, startTimeoutMs: 20_000 }
    const pool = startEngines(2, SPEC, { texts: Promise.resolve(texts), stored: [] }, options)
    t.after(() => pool.close())
    await pool.started()
    const [seal] = await hashFiles([SPEC.onnxPath])
    assert.ok(seal)
    pool.expectFiles({ [SPEC.onnxPath]: seal })
    await until(() => pool.readyCount === 2)
    assert.equal(childPids(process.pid).length, 2)
    assert.deepEqual(
      log.filter(({ message }) => message === 'engine ready').map(({ replica }) => replica),
      [0, 1]
    )

    const batches = Array.from({ length: 40 }, (_, i) => batchOf(i))
    const expected = []
    for (const batch of batches) expected.push(scoresOf(await pool.score(batch)))

    for (let kills = 1; kills <= 2; kills++) {
      let answers = 0
      const scores = batches.map(async (batch) => {
        const found = scoresOf(await pool.score(batch))
        answers++
        return found
      })
      await until(() => answers >= 5)
      process.kill(present(childPids(process.pid)[kills % 2]), 'SIGKILL')
      await until(() => pool.readyCount === 1)
      assert.equal(pool.state, 'ready')
      assert.ok(isDeepStrictEqual(await Promise.all(scores), expected))
      await until(() => pool.readyCount === 2)
      assert.equal(pool.restarts, kills)
    }
  })

  it('stops a replica whose scores differ from those of the first, and keeps serving with the first', async (t) => {
    const options = { log: { info() {}, warn() {}, error() {} }, batchTimeoutMs: 20_000, heartbeatTimeoutMs: 20_000, startTimeoutMs: 20_000 }
    const pool = startEngines(2, SPEC, { texts: Promise.resolve(texts), stored: [] }, options)
    t.after(() => pool.close())
    const { selfTest } = await pool.started()
    // The second replica has to agree with these, which are one nat off.
    for (const answer of selfTest.answers) Object.assign(answer, { logProbs: answer.logProbs.map((logProb) => logProb - 1) })
    pool.expectFiles({})
    await until(() => childPids(process.pid).length === 2)
    await until(() => childPids(process.pid).length === 1)
    assert.deepEqual([pool.state, pool.readyCount], ['ready', 1])
    assert.equal((await pool.score(batchOf(0))).rows.length, 1)
  })
})
