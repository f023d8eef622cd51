import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { KILLER, metricOf, secondsUntil, startFaultyService } from '../support/faulty-service.ts'
import { overwrite } from '../support/file-changes.ts'
import { logprobBody, problemBody } from '../support/logprob-body.ts'
import { pause, type RunningService, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { startWrapped } from '../support/wrapped-service.ts'

const BODY = { x: 'The children ran down to the', y: ' river' }
const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const IS_ROOT = process.getuid?.() === 0

/** A copy of the embedded model that a test may damage. */
function copiedModel(t: TestContext): { readonly folder: string; readonly damage: () => void } {
  const folder = join(tempFolder(t), 'model')
  cpSync(EMBEDDED, folder, { recursive: true })
  return { folder, damage: () => overwrite(join(folder, 'model.onnx'), Buffer.alloc(1000, 7), 20_000_000) }
}

async function exitCodeOf(service: RunningService): Promise<number | null> {
  const [code] = (await once(service.process, 'exit')) as [number | null]
  return code
}

test('a model that has failed for good ends the service with exit code 20 and the reason', async (t) => {
  const { folder, damage } = copiedModel(t)
  const service = await startService({ LOGPR_MODEL: folder, LOGPR_MODEL_FILES_INTERVAL_MS: '100' })
  t.after(() => service.stop())
  const exited = exitCodeOf(service)

  damage()

  assert.equal(await exited, 20)
  assert.match(service.log.join('\n'), /"reason":"[^"]*changed on disk since this service loaded it[^\n]*"a model has failed for good, stopping"/)
})

test('without --exit-on-failure, the service stays, not live and not ready', async (t) => {
  const { folder, damage } = copiedModel(t)
  const service = await startService({ LOGPR_MODEL: folder, LOGPR_MODEL_FILES_INTERVAL_MS: '100', LOGPR_EXIT_ON_FAILURE: 'false' })
  t.after(() => service.stop())

  damage()
  await secondsUntil(service, 503, 20)
  while (!service.log.some((line) => line.includes('engine cannot be started'))) await pause(50)
  await pause(1500)

  assert.equal(service.process.exitCode, null)
  assert.equal((await service.get('/livez')).status, 503)
  assert.equal((await problemBody(await service.post('/v1/logprob', BODY))).code, 'engine_unavailable')
  assert.equal(await service.stop(), 0)
})

test('when one of several models fails, the requests of the others are answered before the service ends', async (t) => {
  const { folder, damage } = copiedModel(t)
  const service = await startService({ LOGPR_MODEL: `good=${EMBEDDED},bad=${folder}`, LOGPR_MODEL_FILES_INTERVAL_MS: '100' })
  t.after(() => service.stop())
  const exited = exitCodeOf(service)
  const good = service.enginePid('good')

  process.kill(good, 'SIGSTOP')
  const inProgress = service.post('/v1/logprob', { ...BODY, model: 'good' })
  damage()
  while (!service.log.some((line) => line.includes('has failed for good'))) await pause(50)
  process.kill(good, 'SIGCONT')

  assert.equal((await logprobBody(await inProgress)).results.length, 1)
  assert.equal(await exited, 20)
  assert.match(service.log.join('\n'), /"reason":"bad: /)
})

test('a stopped engine process is replaced although nothing was asked of it', async (t) => {
  const service = await startService({ LOGPR_HEARTBEAT_TIMEOUT_MS: '2000' })
  t.after(() => service.stop())

  process.kill(service.enginePid(), 'SIGSTOP')

  assert.ok((await secondsUntil(service, 503, 20)) < 20)
  assert.ok((await secondsUntil(service, 200, 20)) < 20)
  assert.equal(await metricOf(service, 'logpr_engine_restarts'), 1)
})

test('a stopped front process does not take its engine for hung', async (t) => {
  const service = await startService({ LOGPR_HEARTBEAT_TIMEOUT_MS: '1000' })
  t.after(() => service.stop())
  const engine = service.enginePid()

  service.process.kill('SIGSTOP')
  await pause(3000)
  service.process.kill('SIGCONT')
  await pause(1500)

  assert.equal(service.enginePid(), engine)
  assert.equal((await service.get('/readyz')).status, 200)
})

test('a text that crashes the engine fails alone and is refused without a crash when it is sent again', async (t) => {
  const service = await startFaultyService()
  t.after(() => service.stop())
  service.plant('SIGSEGV')
  const pairs = Array.from({ length: 20 }, (_, i) => ({ x: `Pair ${i}`, y: i === 7 ? `${KILLER} no` : ' yes' }))

  const { results } = await logprobBody(await service.post('/v1/logprob', { pairs }))
  const restarts = await service.restarts()
  const again = await service.post('/v1/logprob', { pairs: [pairs[7]] })

  assert.deepEqual(
    results.flatMap(({ index, error }) => (error === undefined ? [] : [[index, error.code]])),
    [[7, 'poison_request']]
  )
  assert.ok(restarts <= 3, `${restarts} restarts`)
  assert.deepEqual([again.status, again.headers.get('x-should-retry'), (await problemBody(again)).code], [500, 'false', 'poison_request'])
  assert.equal(await service.restarts(), restarts)
})

test('a log that cannot be written neither blocks the service nor its end', async () => {
  const service = await startWrapped([], { log: openSync('/dev/full', 'w') })
  await service.untilReady()
  assert.equal((await service.post('/v1/logprob', BODY)).status, 200)
  assert.equal((await service.stop()).code, 0)
})

test('process 1 of a container ends on SIGTERM before it serves', { skip: IS_ROOT ? false : 'a process namespace needs root' }, async () => {
  const service = await startWrapped(['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'], { env: { LOGPR_LOG_LEVEL: 'info' } })
  // The first line is logged long before the service listens.
  await once(service.log as NodeJS.ReadableStream, 'data')
  assert.equal((await service.stop()).code, 0)
})
