// Own process: it inspects the children of its process.

import assert from 'node:assert/strict'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import { ProcessEngine } from '../../src/engine/process-engine.ts'
import type { EngineSpec, SelfTestTexts } from '../../src/engine/protocol.ts'
import { ServiceError } from '../../src/errors.ts'
import { hashFiles } from '../../src/model/weights/file-hashes.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { overwrite, touch } from '../support/file-changes.ts'
import { present } from '../support/present.ts'
import { childPids, isRunning, pause } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const CONFIG = JSON.parse(readFileSync(join(EMBEDDED, 'config.json'), 'utf8')) as { vocab_size: number }
const SPEC: EngineSpec = {
  onnxPath: join(EMBEDDED, 'model.onnx'),
  executionProvider: 'cpu',
  threads: 1,
  vocabSize: CONFIG.vocab_size,
  headSize: 64,
  ceilingNats: 1e-3,
  approximateCeilingNats: 0.5,
  claimsFloat32: true,
  expectedFiles: {}
}

const KNOWN = (JSON.parse(readFileSync(join(EMBEDDED, 'canary.json'), 'utf8')) as { known_answers: { texts: { ids: number[]; log_probs: number[] }[] }[] })
  .known_answers[0]!.texts[0]!
const TEXTS: SelfTestTexts = { natural: KNOWN.ids, reversed: [0, ...KNOWN.ids.slice(1).reverse()], textVocabSize: CONFIG.vocab_size }

/** Takes several tenths of a second on one thread. */
const LONG: Batch = { sequences: Array.from({ length: 24 }, (_, i) => ({ ids: new Int32Array(200).fill(5 + i), firstScored: 1 })), topCount: null }

interface Started {
  readonly engine: ProcessEngine
  /** Log lines: the message, then its fields as JSON. */
  readonly log: string[]
}

function start(t: TestContext, spec: Partial<EngineSpec> = {}, texts: Promise<SelfTestTexts> = Promise.resolve(TEXTS)): Started {
  const log: string[] = []
  const note = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields)}`)
  }
  const engine = new ProcessEngine(
    { ...SPEC, ...spec },
    { texts, stored: [] },
    { log: { info: note, warn: note, error: note }, batchTimeoutMs: 20_000, heartbeatTimeoutMs: 20_000, startTimeoutMs: 20_000 }
  )
  t.after(() => engine.close())
  return { engine, log }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !isTrue(); await pause(2)) if (Date.now() > deadline) throw new Error('the condition was not met within 20 s')
}

const logProbsOf = ({ rows }: BatchScores): number[][] => rows.map(({ logProbs }) => [...logProbs])

describe('ProcessEngine', () => {
  it('answers a batch once, with the same scores, although its process is replaced three times', async (t) => {
    const { engine } = start(t)
    await engine.started()
    const expected = logProbsOf(await engine.score(LONG))

    let answers = 0
    const scores = engine.score(LONG)
    void scores.then(() => answers++)
    for (let replaced = 1; replaced <= 3; replaced++) {
      engine.replace('the test says so')
      assert.equal(engine.state, 'restarting')
      await until(() => engine.state === 'ready')
      assert.equal(engine.restarts, replaced)
    }
    assert.ok(isDeepStrictEqual(logProbsOf(await scores), expected))
    assert.equal(answers, 1)
    assert.equal(childPids(process.pid).length, 1)
  })

  it('replaces its process only while that is ready', async (t) => {
    const { engine } = start(t)
    engine.replace('too early')
    assert.equal(engine.state, 'starting')
    await engine.started()
    engine.replace('in time')
    engine.replace('once more, before the first is done')
    await until(() => engine.state === 'ready')
    assert.equal(engine.restarts, 1)
  })

  it('keeps its scores after a file is touched and fails when its content changes', async (t) => {
    const onnxPath = join(tempFolder(t), 'model.onnx')
    copyFileSync(SPEC.onnxPath, onnxPath)
    const { engine, log } = start(t, { onnxPath })
    await engine.started()
    const [sealed] = await hashFiles([onnxPath])
    assert.ok(sealed)
    engine.expectFiles({ [onnxPath]: sealed })
    const expected = logProbsOf(await engine.score(LONG))

    touch(onnxPath)
    assert.ok(isDeepStrictEqual(logProbsOf(await engine.score(LONG)), expected))
    assert.equal(engine.restarts, 1)
    assert.match(log.join('\n'), /a file of the model changed on disk/)

    overwrite(onnxPath, Buffer.alloc(1000, 7), 20_000_000)
    await assert.rejects(engine.score(LONG), { code: 'engine_unavailable', message: /changed on disk since this service loaded it/ })
    assert.deepEqual([engine.state, engine.failure?.code], ['failed', 'model_invalid'])
    await assert.rejects(engine.score(LONG), { code: 'engine_unavailable' })
    await until(() => childPids(process.pid).length === 0)
  })

  it('fails with the reason, and ends its process, when the self-test texts are unavailable', async (t) => {
    const { engine } = start(t, {}, Promise.reject(new ServiceError('model_invalid', 'the tokenizer could not be loaded')))
    const waiting = engine.score(LONG)
    await assert.rejects(engine.started(), { code: 'model_invalid', message: 'the tokenizer could not be loaded' })
    await assert.rejects(waiting, { code: 'engine_unavailable', message: 'the tokenizer could not be loaded' })
    assert.equal(engine.state, 'failed')
    await until(() => childPids(process.pid).length === 0)
  })

  it('fails without a restart on a model that cannot be loaded', async (t) => {
    const { engine } = start(t, { onnxPath: join(tempFolder(t, { 'model.onnx': 'no graph' }), 'model.onnx') })
    await assert.rejects(engine.started(), { code: 'model_invalid' })
    assert.deepEqual([engine.state, engine.restarts], ['failed', 0])
  })

  it('stays stopped when it is closed while it starts and the self-test texts fail later', async (t) => {
    let failTexts: (error: Error) => void = () => {}
    const { engine, log } = start(
      t,
      {},
      new Promise((_, reject) => {
        failTexts = reject
      })
    )
    const [pid] = childPids(process.pid)
    const waiting = engine.score(LONG)
    const closed = engine.close()
    failTexts(new ServiceError('model_invalid', 'too late'))
    await assert.rejects(waiting, { code: 'engine_unavailable', message: 'the service is stopping' })
    await closed
    assert.deepEqual([engine.state, engine.failure, log], ['stopped', null, []])
    assert.equal(isRunning(present(pid)), false)
  })

  it('stays stopped when it is closed while the message `ready` is in the channel', async (t) => {
    const { engine } = start(t)
    // Blocks this thread, so that `ready` arrives in the channel and is not read before the close.
    await until(() => childPids(process.pid).length === 1)
    await pause(200)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000)
    const closed = engine.close()
    await closed
    await pause(50)
    assert.equal(engine.state, 'stopped')
    assert.deepEqual(childPids(process.pid), [])
  })
})
