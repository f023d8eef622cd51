import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { pause, startService } from '../support/running-service.ts'

const CLIENTS = 32
const KILLS = 20

test('kill -9 of the engine 20 times under 32 clients: no request fails and no response changes', async (t) => {
  const service = await startService()
  t.after(() => service.stop())
  const bodies = Array.from({ length: CLIENTS }, (_, i) => ({ x: `The ${i} children ran down to the`, y: [' river', ' seventeen', ` house number ${i}`] }))
  const jointsOf = async (body: object): Promise<{ status: number; joints: number[] }> => {
    const response = await service.post('/v1/logprob', body)
    return {
      status: response.status,
      joints: response.status === 200 ? (await logprobBody(response)).results.map(({ log_prob: { joint } }) => present(joint)) : []
    }
  }
  const expected = await Promise.all(bodies.map((body) => jointsOf(body)))

  let isOver = false
  let answered = 0
  const failures: number[] = []
  let largestDifference = 0
  const clients = bodies.map(async (body, i) => {
    while (!isOver) {
      const { status, joints } = await jointsOf(body)
      answered++
      if (status !== 200) failures.push(status)
      else largestDifference = Math.max(largestDifference, ...joints.map((joint, k) => Math.abs(joint - present(expected[i]?.joints[k]))))
    }
  })
  const restartMs: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(200 + 37 * kill)
    const began = performance.now()
    process.kill(service.enginePid(), 'SIGKILL')
    await pause(20)
    await service.untilReady()
    restartMs.push(Math.round(performance.now() - began))
  }
  isOver = true
  await Promise.all(clients)

  t.diagnostic(
    `${answered} requests, ${failures.length} failed; ready again after ${Math.min(...restartMs)} to ${Math.max(...restartMs)} ms; largest difference ${largestDifference.toExponential(2)} nats`
  )
  assert.deepEqual(failures, [])
  assert.ok(answered >= 2 * CLIENTS)
  assert.ok(largestDifference <= 1e-4)
  assert.equal(service.process.exitCode, null)
})
