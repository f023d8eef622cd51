import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { logprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { childPids, pause, type RunningService, startService } from '../support/running-service.ts'

/** Responses to the same concurrent requests. */
async function scoresOf(service: RunningService, requests: number): Promise<number[]> {
  const bodies = Array.from({ length: requests }, (_, i) => ({
    model: 'logpr-tiny-en',
    x: `The number ${i} was`,
    y: ' written on the door of the old house.'.repeat(1 + (i % 4))
  }))
  const answers = await Promise.all(bodies.map((body) => service.post('/v1/logprob', body)))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  const results = await Promise.all(answers.map(logprobBody))
  return results.map(({ results: [result] }) => present(result?.log_prob.joint))
}

async function untilEnginesReady(service: RunningService, count: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(20)) {
    const metrics = await (await service.get('/metrics')).text()
    if (metrics.includes(`logpr_engines_ready{model="logpr-tiny-en"} ${count}\n`)) return
  }
  throw new Error(`there were never ${count} engines ready: ${service.log.join('\n')}`)
}

describe('logpr serve with two replicas', () => {
  it('gives every request the scores of a single engine while one of the two is killed, and stays ready', async (t) => {
    const [single, service] = [await startService({ LOGPR_THREADS: '1' }), await startService({ LOGPR_THREADS: '1', LOGPR_REPLICAS: '2' })]
    t.after(() => Promise.all([single.stop(), service.stop()]))
    await untilEnginesReady(service, 2)
    const pids = childPids(present(service.process.pid))
    assert.equal(pids.length, 2)

    const expected = await scoresOf(single, 60)
    const scores = scoresOf(service, 60)
    await pause(100)
    process.kill(present(pids[1]), 'SIGKILL')
    const readiness = await service.get('/readyz')
    assert.equal(readiness.status, 200)
    const found = await scores
    expected.forEach((logProb, i) => {
      assert.ok(Math.abs(logProb - present(found[i])) <= 1e-4, `request ${i}: ${logProb} and ${found[i]}`)
    })
    await untilEnginesReady(service, 2)
    const { data } = (await (await service.get('/v1/models')).json()) as { data: { replicas: number; threads: number }[] }
    assert.deepEqual(
      data.map(({ replicas, threads }) => ({ replicas, threads })),
      [{ replicas: 2, threads: 1 }]
    )
    assert.equal(await service.stop(), 0)
  })
})
