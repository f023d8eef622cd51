import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { getPriority, platform } from 'node:os'
import { test } from 'node:test'
import { present } from '../support/present.ts'
import { pause, startService } from '../support/running-service.ts'

const BODY = { x: 'The children ran down to the', y: ' river' }

test('texts are tokenized while the engine hangs on a forward pass, and while it restarts', async (t) => {
  const service = await startService({ LOGPR_BATCH_TIMEOUT_MS: '20000' })
  t.after(() => service.stop())
  const tokenize = async (): Promise<number[]> => ((await (await service.post('/tokenize', { prompt: BODY.x })).json()) as { tokens: number[] }).tokens
  const expected = await tokenize()
  const enginePid = service.enginePid()

  process.kill(enginePid, 'SIGSTOP')
  let isScored = false
  const scoring = service.post('/v1/logprob', BODY).then(({ status }) => {
    isScored = true
    return status
  })
  await pause(100)
  const busy = await tokenize()
  const wasScored = isScored
  process.kill(enginePid, 'SIGKILL')
  let ready = await service.get('/readyz')
  for (let attempt = 0; attempt < 100 && ready.status === 200; attempt++, await pause(5)) ready = await service.get('/readyz')
  const replaced = await service.post('/tokenize', { prompt: BODY.x })

  assert.deepEqual([busy, wasScored, ready.status, replaced.status], [expected, false, 503, 200])
  assert.equal(await scoring, 200)
})

test('all computing threads of the engine have the lower priority, and the front process has its own', { skip: platform() !== 'linux' }, async (t) => {
  const service = await startService({ LOGPR_ENGINE_NICENESS: '3', LOGPR_THREADS: '2' })
  t.after(() => service.stop())
  const own = getPriority()
  const priorities = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map((thread) => getPriority(Number(thread)))
  const lowered = Math.min(19, own + 3)

  assert.equal(getPriority(service.process.pid), own)
  // Of the front process, only the scoring tokenizer's thread.
  assert.equal(priorities(present(service.process.pid)).filter((priority) => priority !== own).length, own === lowered ? 0 : 1)
  assert.equal(getPriority(service.enginePid()), lowered)
  // The main thread and one more compute thread.
  assert.ok(priorities(service.enginePid()).filter((priority) => priority === lowered).length >= 2)
})
