import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ServiceError } from '../../../src/errors.ts'
import { ThreadCalls } from '../../../src/tokenizer/threads/thread-calls.ts'
import { pause } from '../../support/running-service.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** A thread whose texts are commands: `end` ends it, `wait N` computes for N ms. It answers with the ids [N]. */
const THREAD = `
import { parentPort, workerData, threadId } from 'node:worker_threads'
import { appendFileSync, readFileSync } from 'node:fs'
const { folder } = workerData
appendFileSync(folder + '/starts', threadId + '\\n')
parentPort.on('message', ({ id, texts: [text] }) => {
  appendFileSync(folder + '/texts', text + '\\n')
  if (text === 'end') process.exit(1)
  const ms = Number(text.split(' ')[1] ?? 0)
  for (const end = Date.now() + ms; Date.now() < end; );
  parentPort.postMessage({ kind: 'encoded', id, ids: [Int32Array.of(ms)] })
})
parentPort.postMessage({ kind: 'ready', info: {}, description: {}, tokenBytes: null, filesSha256: readFileSync(folder + '/version', 'utf8') })
`

async function started(t: TestContext, maxUnits = Number.POSITIVE_INFINITY) {
  const folder = tempFolder(t, { 'thread.mjs': THREAD, version: '1', texts: '' })
  const { readFileSync, writeFileSync } = await import('node:fs')
  let hasEnded = false
  const data = { folder, niceness: 0, withoutBytes: true, chatTemplate: '' }
  const calls = new ThreadCalls(
    data,
    maxUnits,
    () => {
      hasEnded = true
    },
    pathToFileURL(`${folder}/thread.mjs`)
  )
  await calls.start()
  t.after(() => calls.close())
  const linesOf = (file: string): string[] => readFileSync(`${folder}/${file}`, 'utf8').trim().split('\n')
  return {
    calls,
    ask: (text: string, terms = {}, units = 100_000) =>
      calls.ask('encoded', { kind: 'encode', texts: [text], parseSpecialTokens: false, continues: false }, units, terms),
    hasEnded: () => hasEnded,
    starts: () => linesOf('starts').length,
    texts: () => linesOf('texts'),
    changeFiles: () => writeFileSync(`${folder}/version`, '2')
  }
}

const left = (): ServiceError => new ServiceError('client_closed_request', 'left')

describe('calls to a tokenizer thread', () => {
  test('take turns by client, whatever one of them has waiting', async (t) => {
    const { ask, texts } = await started(t)
    const calls = ['a1', 'a2', 'a3', 'a4'].map((text) => ask(`${text} 20`, { client: 'a' }))
    await Promise.all([...calls, ask('b1 1', { client: 'b' })])
    assert.deepEqual(texts(), ['a1 20', 'b1 1', 'a2 20', 'a3 20', 'a4 20'])
  })

  test('are dropped while they wait when their signal aborts, with its reason', async (t) => {
    const { ask, texts } = await started(t)
    const controller = new AbortController()
    const first = ask('first 50')
    const dropped = ask('dropped 1', { signal: controller.signal })
    controller.abort(left())
    await assert.rejects(dropped, { code: 'client_closed_request' })
    await first
    await ask('last 1')
    assert.deepEqual(texts(), ['first 50', 'last 1'])
    await assert.rejects(ask('late 1', { signal: controller.signal }), { code: 'client_closed_request' })
  })

  test('reject at once when they are aborted while they run, and a thread that is still busy a second later is replaced', async (t) => {
    const { ask, starts, hasEnded } = await started(t)
    const controller = new AbortController()
    const stuck = ask('stuck 600000', { signal: controller.signal })
    const waiting = ask('waiting 1')
    await pause(100)
    const abortedAtMs = performance.now()
    controller.abort(left())
    await assert.rejects(stuck, { code: 'client_closed_request' })
    assert.ok(performance.now() - abortedAtMs < 500)
    assert.deepEqual((await waiting).ids, [Int32Array.of(1)])
    assert.deepEqual([starts(), hasEnded()], [2, false])
  })

  test('fail when the thread ends during them, and those that wait are answered by a new thread', async (t) => {
    const { ask, starts, hasEnded } = await started(t)
    const killer = ask('end', {}, 1)
    const sent = ask('sent 1', {}, 1)
    const waiting = ask('waiting 2')
    await assert.rejects(killer, { code: 'engine_unavailable', message: /started again/ })
    assert.deepEqual([(await sent).ids, (await waiting).ids], [[Int32Array.of(1)], [Int32Array.of(2)]])
    assert.deepEqual([starts(), hasEnded()], [2, false])
  })

  test('fail for good when the thread has ended five times within ten minutes', async (t) => {
    const { ask, hasEnded } = await started(t)
    for (let deaths = 1; deaths <= 4; deaths++) {
      await assert.rejects(ask('end'), { code: 'engine_unavailable' })
      assert.equal(hasEnded(), false)
    }
    const [second, waiting] = await Promise.allSettled([ask('end'), ask('waiting 1')])
    assert.deepEqual([second.status, waiting.status, hasEnded()], ['rejected', 'rejected', true])
    await assert.rejects(ask('later 1'), { code: 'engine_unavailable', message: /restart the service/ })
  })

  test('fail for good when the files of the tokenizer have changed before it is started again', async (t) => {
    const { ask, changeFiles, hasEnded } = await started(t)
    changeFiles()
    await assert.rejects(ask('end'), { code: 'engine_unavailable' })
    await assert.rejects(ask('later 1'), { code: 'engine_unavailable' })
    assert.equal(hasEnded(), true)
  })

  test('are refused with the time to wait when too much text waits, unless nothing does', async (t) => {
    const { calls } = await started(t, 1_000_000)
    const release = calls.reserve(2_000_000)
    assert.throws(() => calls.reserve(1), { code: 'too_many_requests', retryAfterSeconds: 4, message: /max-tokenizing-units/ })
    release()
    calls.reserve(999_999)
    assert.doesNotThrow(() => calls.reserve(1))
    assert.throws(() => calls.reserve(1), { code: 'too_many_requests' })
  })
})
