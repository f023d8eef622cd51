import { KILLER, metricOf, secondsUntil, startFaultyService, startLoad, statusLine } from '../../support/faulty-service.ts'
import { problemBody } from '../../support/logprob-body.ts'
import { present } from '../../support/present.ts'
import { pause, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const FULL_LOAD_MS = 120_000
const FRONT_STALL_MS = 12_000

const bodyOf = (n: number): object => ({ x: `The ${n} children ran down to the`, y: [' river', ' slept until noon'] })

/** Seconds until the service is not ready, and until it is again, after SIGSTOP of its engine. */
async function stopped(
  clients: number
): Promise<{ readonly notReadyS: number; readonly readyS: number; readonly responses: string; readonly isClean: boolean }> {
  const service = await startService()
  const stopLoad = startLoad(service, clients, bodyOf)
  await pause(2000)
  process.kill(service.enginePid(), 'SIGSTOP')
  const notReadyS = await secondsUntil(service, 503, 40)
  const readyS = notReadyS + (await secondsUntil(service, 200, 40))
  const report = await stopLoad()
  await service.stop()
  return { notReadyS, readyS, responses: statusLine(report), isClean: Object.keys(report.statuses).every((status) => status === '200') }
}

/** A batch whose native call never returns: the limit of its batch ends it, not the heartbeat. */
async function blocked(): Promise<{ readonly seconds: number; readonly code: string }> {
  const service = await startFaultyService({ LOGPR_BATCH_TIMEOUT_MS: '12000' })
  for (let i = 0; i < 5; i++) await service.post('/v1/logprob', bodyOf(i))
  service.plant('hang')
  const response = service.post('/v1/logprob', { x: 'This one', y: `${KILLER} hangs` })
  const seconds = await secondsUntil(service, 503, 40)
  const { code } = await problemBody(await response)
  await service.stop()
  return { seconds, code }
}

/** Restarts at full load, and after the front itself was stopped. */
async function falsePositives(): Promise<{ readonly restarts: number; readonly stallRestarts: number; readonly responses: string }> {
  const service = await startService()
  const stopLoad = startLoad(service, 32, (n) => ({ x: `Story ${n}: ${'once upon a time there was a river and '.repeat(8)}`, y: [' it ran', ' it slept'] }))
  await pause(FULL_LOAD_MS)
  const restarts = await metricOf(service, 'logpr_engine_restarts')
  const front = present(service.process.pid)
  process.kill(front, 'SIGSTOP')
  await pause(FRONT_STALL_MS)
  process.kill(front, 'SIGCONT')
  await pause(3000)
  const report = await stopLoad()
  const stallRestarts = (await metricOf(service, 'logpr_engine_restarts')) - restarts
  await service.stop()
  return { restarts, stallRestarts, responses: statusLine(report) }
}

async function measure(): Promise<Measured> {
  const idle = await stopped(0)
  const loaded = await stopped(8)
  const native = await blocked()
  const { restarts, stallRestarts, responses } = await falsePositives()
  return {
    isKept:
      idle.notReadyS <= 30 &&
      loaded.notReadyS <= 10.5 &&
      loaded.isClean &&
      Math.max(idle.readyS, loaded.readyS) <= 30 &&
      native.seconds <= 13 &&
      native.code === 'poison_request' &&
      restarts + stallRestarts === 0,
    measured: `SIGSTOP of the engine: /readyz 503 after ${idle.notReadyS.toFixed(1)} s idle and ${loaded.notReadyS.toFixed(1)} s under load, 200 again after ${idle.readyS.toFixed(1)} and ${loaded.readyS.toFixed(1)} s, responses under load ${loaded.responses}; a forward pass that never returns: 503 after ${native.seconds.toFixed(1)} s, its request ended with ${native.code}; ${restarts} restarts in ${FULL_LOAD_MS / 1000} s at full load (32 clients; ${responses}) and ${stallRestarts} after the front was stopped for ${FRONT_STALL_MS / 1000} s`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'D2',
    claim: 'A hung engine process is noticed, idle or computing, and replaced; a busy one is left alone.',
    target: '/readyz 503 within 10 s under load and 30 s idle, ready again within 30 s; 0 replacements at full load or because the front stalled',
    measure
  }
]
