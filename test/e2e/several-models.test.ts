import assert from 'node:assert/strict'
import { cpSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { logprobBody, problemBody } from '../support/logprob-body.ts'
import { EMBEDDED_MODEL, writeOtherModel } from '../support/other-model.ts'
import { present } from '../support/present.ts'
import { childPids, endOfStart, isRunning, pause, type RunningService, startListening, startService } from '../support/running-service.ts'
import { type CleanUp, tempFolder } from '../support/temp-folder.ts'
import { withoutFrontBytes } from '../support/without-front-bytes.ts'

const PAIRS = Array.from({ length: 12 }, (_, i) => ({ x: 'The children ran down to the', y: ` river${' and back'.repeat(i)}` }))
const CLIENTS_A_MODEL = 3
/** One thread and one text per batch, so that scores can be compared bit for bit. */
const BITWISE = { LOGPR_THREADS: '1', LOGPR_MAX_BATCH_TOKENS: '1', LOGPR_VERIFY_PERCENT: '0' }

interface Health {
  readonly status: string
  readonly reason: string
  readonly models: readonly { readonly id: string; readonly status: string; readonly reason: string }[]
}

/** A temporary copy of the embedded model, and one with other weights. */
function modelFolders(t: CleanUp): { readonly a: string; readonly b: string } {
  const folder = tempFolder(t)
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  cpSync(EMBEDDED_MODEL, a, { recursive: true })
  writeOtherModel(b)
  return { a, b }
}

async function serviceOn(t: TestContext, model: string, env: Readonly<Record<string, string>> = {}): Promise<RunningService> {
  const service = await startService({ ...BITWISE, LOGPR_MODEL: model, ...env })
  t.after(() => service.stop())
  return service
}

/** All results of a model for the pairs, and the hash of its weights. */
async function numbersOf(service: RunningService, model: string): Promise<unknown> {
  const { results, stamp } = await logprobBody(await service.post('/v1/logprob', { model, pairs: PAIRS, detail: 'tokens' }))
  return { sha256: stamp.model_sha256, results }
}

/** The status, and the joint of a response with status 200, else the error code. */
async function ask(service: RunningService, model: string): Promise<readonly [number, unknown]> {
  const response = await service.post('/v1/logprob', { model, ...PAIRS[0] })
  return [response.status, response.status === 200 ? (await logprobBody(response)).results[0]?.log_prob.joint : (await problemBody(response)).code]
}

async function healthOf(service: RunningService): Promise<Health & { readonly code: number }> {
  const response = await service.get('/readyz')
  return { code: response.status, ...((await response.json()) as Health) }
}

/** Repeats a request until `isEnough` accepts the response; fails after 30 s. */
async function until<T>(read: () => Promise<T>, isEnough: (value: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(20)) {
    const value = await read()
    if (isEnough(value)) return value
  }
  throw new Error('it did not come about within 30 s')
}

/** The responses to clients of each model while `meanwhile` runs. */
async function answersDuring(
  service: RunningService,
  models: readonly string[],
  meanwhile: (soFar: Readonly<Record<string, readonly unknown[]>>) => Promise<void>
): Promise<Record<string, unknown[]>> {
  const answers: Record<string, unknown[]> = Object.fromEntries(models.map((model) => [model, []]))
  let isOver = false
  const clients = models.flatMap((model) =>
    Array.from({ length: CLIENTS_A_MODEL }, async () => {
      while (!isOver) answers[model]!.push(await ask(service, model))
    })
  )
  await pause(200)
  try {
    await meanwhile(answers)
  } finally {
    isOver = true
  }
  await Promise.all(clients)
  return answers
}

describe('several models in one service', () => {
  let service: RunningService
  after(() => service.stop())
  const { a, b } = modelFolders({ after })
  before(async () => {
    service = await startService({ ...BITWISE, LOGPR_MODEL: `a=${a},org/b=${b}` })
  })

  test('are listed as in a service of their own, under ids with and without a slash', async () => {
    const { data } = (await (await service.get('/v1/models')).json()) as { data: { id: string; object: string; created: number; owned_by: string }[] }
    assert.deepEqual(
      data.map(({ id, object, created, owned_by }) => [id, object, Number.isInteger(created), owned_by]),
      [
        ['a', 'model', true, 'logpr'],
        ['org/b', 'model', true, 'logpr']
      ]
    )
    for (const [path, model] of [
      ['a', data[0]],
      ['org/b', data[1]],
      ['org%2Fb', data[1]]
    ] as const)
      assert.deepEqual(withoutFrontBytes(await (await service.get(`/v1/models/${path}`)).json()), withoutFrontBytes(model))
  })

  for (const id of ['b', 'org', 'org/b/c', 'org%252Fb', 'A']) {
    test(`GET /v1/models/${id} is 404 and lists the existing ids`, async () => {
      const response = await service.get(`/v1/models/${id}`)
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code, problem.error.param], [404, 'model_not_found', 'id'])
      assert.match(problem.detail, /a, org\/b/)
    })
  }

  for (const [path, body] of [
    ['/v1/logprob', PAIRS[0]],
    ['/v1/loss', { x: 'a b', y: ' c' }]
  ] as const) {
    test(`${path} has no default model: 400 with the ids`, async () => {
      const response = await service.post(path, body)
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code, problem.error.param], [400, 'invalid_request', 'model'])
      assert.match(problem.detail, /one of a, org\/b/)
    })

    test(`${path} answers 404 with the ids for an unknown model`, async () => {
      const response = await service.post(path, { ...body, model: 'b' })
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code, problem.error.param], [404, 'model_not_found', 'model'])
      assert.match(problem.detail, /a, org\/b/)
    })

    test(`${path} answers with the named model`, async () => {
      const answers = await Promise.all(['a', 'org/b'].map(async (model) => (await service.post(path, { ...body, model })).json()))
      const [a, b] = answers as { model: string; stamp: { model_sha256: string } }[]
      assert.deepEqual([a?.model, b?.model], ['a', 'org/b'])
      assert.notEqual(a?.stamp.model_sha256, b?.stamp.model_sha256)
    })
  }

  test('/v1/check needs no model', async () => assert.equal((await service.post('/v1/check', { joint: -3.5, marginal: -5.2 })).status, 200))

  test('each has its own engine process, metrics and log lines', async () => {
    assert.deepEqual(childPids(present(service.process.pid)).sort(), [service.enginePid('a'), service.enginePid('org/b')].sort())

    const items = async (model: string): Promise<number> =>
      Number(new RegExp(`^logpr_items_total\\{model="${model}"\\} (\\d+)$`, 'm').exec(await (await service.get('/metrics')).text())?.[1])
    const countBefore = [await items('a'), await items('org/b')]
    await service.post('/v1/logprob', { model: 'org/b', pairs: PAIRS })
    assert.deepEqual([await items('a'), await items('org/b')], [countBefore[0], present(countBefore[1]) + PAIRS.length])

    const answered = await until(
      async () => service.log.filter((line) => line.includes('"answered"')),
      (lines) => lines.some((line) => line.includes('"model":"a"')) && lines.some((line) => line.includes('"model":"org/b"'))
    )
    assert.ok(answered.every((line) => !line.includes(PAIRS[0]!.x)))
  })
})

test('two models under load at the same time give the scores of each alone, bit for bit', async (t) => {
  const { a, b } = modelFolders(t)
  const alone = { a: await serviceOn(t, `a=${a}`), b: await serviceOn(t, `b=${b}`) }
  const expected = { a: await numbersOf(alone.a, 'a'), b: await numbersOf(alone.b, 'b') }
  assert.notDeepEqual(expected.a, expected.b)
  for (const service of Object.values(alone)) await service.stop()

  const both = await serviceOn(t, `a=${a},b=${b}`)
  for (let round = 0; round < 3; round++) {
    const [fromA, alsoFromA, fromB, alsoFromB] = await Promise.all(['a', 'a', 'b', 'b'].map((model) => numbersOf(both, model)))
    assert.deepEqual([fromA, alsoFromA], [expected.a, expected.a])
    assert.deepEqual([fromB, alsoFromB], [expected.b, expected.b])
  }
})

test('the engine of one is killed under load: all responses stay the same, and the other engine keeps running', async (t) => {
  const { a, b } = modelFolders(t)
  const service = await serviceOn(t, `a=${a},b=${b}`)
  const before = { a: await ask(service, 'a'), b: await ask(service, 'b') }
  const engineOfA = service.enginePid('a')

  const answers = await answersDuring(service, ['a', 'b'], async (soFar) => {
    for (let kill = 0; kill < 2; kill++) {
      process.kill(service.enginePid('b'), 'SIGKILL')
      const { code, reason } = await until(
        () => healthOf(service),
        ({ status }) => status === 'restarting'
      )
      assert.equal(code, 503)
      assert.match(reason, /^b: the engine process ended and is restarting/)
      await service.untilReady()
      // A batch that fails with two engines is not retried, so wait until the current one is answered.
      const count = soFar.b!.length
      await until(
        async () => soFar.b!.length,
        (length) => length > count + CLIENTS_A_MODEL
      )
      await until(async () => service.enginePid('b'), isRunning)
    }
  })

  for (const model of ['a', 'b'] as const) {
    assert.ok(answers[model]!.length > CLIENTS_A_MODEL)
    for (const answer of answers[model]!) assert.deepEqual(answer, before[model])
  }
  assert.ok(isRunning(engineOfA))
  const metrics = await (await service.get('/metrics')).text()
  assert.match(metrics, /^logpr_engine_restarts\{model="a"\} 0$/m)
  assert.match(metrics, /^logpr_engine_restarts\{model="b"\} 2$/m)
})

test('one loses its model file for good: the service reports which, and the other one still answers', async (t) => {
  const { a, b } = modelFolders(t)
  const service = await serviceOn(t, `a=${a},b=${b}`, { LOGPR_MODEL_FILES_INTERVAL_MS: '200', LOGPR_EXIT_ON_FAILURE: 'false' })
  const before = await ask(service, 'a')

  let health: Health | undefined
  const answers = await answersDuring(service, ['a'], async () => {
    truncateSync(join(b, 'model.onnx'), 1000)
    health = await until(
      () => healthOf(service),
      ({ status }) => status === 'failed'
    )
  })

  assert.match(present(health?.reason), /^b: a file of the model changed on disk/)
  assert.deepEqual(
    health?.models.map(({ id, status }) => [id, status]),
    [
      ['a', 'ready'],
      ['b', 'failed']
    ]
  )
  for (const answer of answers.a!) assert.deepEqual(answer, before)
  assert.deepEqual([await ask(service, 'a'), await ask(service, 'b')], [before, [503, 'engine_unavailable']])
  const { data } = (await (await service.get('/v1/models')).json()) as { data: { id: string }[] }
  assert.deepEqual(
    data.map(({ id }) => id),
    ['a']
  )
  const metrics = await (await service.get('/metrics')).text()
  assert.match(metrics, /^logpr_ready\{model="a"\} 1$/m)
  assert.match(metrics, /^logpr_ready\{model="b"\} 0$/m)
  assert.deepEqual([(await service.get('/livez')).status, await service.stop()], [503, 0])
})

test('one cannot be loaded: the start ends with exit code 2 and its id, and until then the other one answers', async (t) => {
  const { a, b } = modelFolders(t)
  // This fault is found only during loading; a damaged graph would end the start at once.
  writeFileSync(join(b, 'SHA256SUMS'), `${'0'.repeat(64)}  config.json\n`)
  const model = `a=${a},b=${b}`
  const service = await startListening({ LOGPR_MODEL: model, LOGPR_DRAIN_DELAY_MS: '60000' })
  t.after(() => service.process.kill('SIGKILL'))
  const [status] = await until(
    () => ask(service, 'a'),
    ([code]) => code === 200
  )
  const health = await until(
    () => healthOf(service),
    (each) => each.status === 'failed'
  )
  assert.deepEqual([status, health.code, await ask(service, 'b')], [200, 503, [500, 'model_invalid']])
  assert.match(health.reason, /^b: /)

  const { code, output } = await endOfStart({ LOGPR_MODEL: model })
  assert.equal(code, 2)
  assert.match(output, /"code":"model_invalid","reason":"b: .*"msg":"the model cannot be served"/)
})

test('one with a truncated graph ends the start with its id, before the service listens', async (t) => {
  const { a, b } = modelFolders(t)
  truncateSync(join(b, 'model.onnx'), 1000)
  const { code, output } = await endOfStart({ LOGPR_MODEL: `a=${a},b=${b}` })
  assert.equal(code, 2)
  assert.match(output, /^logpr: b: model\.onnx is not a readable ONNX file: /m)
  assert.ok(!output.includes('"listening"'))
})

test('a folder that does not exist among several ends the start at once and leaves no process behind', async (t) => {
  // A remaining engine would keep the output pipe open.
  const { a } = modelFolders(t)
  const missing = join(tempFolder(t), 'none')
  const { code, output } = await endOfStart({ LOGPR_MODEL: `a=${a},b=${missing}` })
  assert.equal(code, 2)
  assert.ok(output.includes(`there is no model folder ${missing}`), output)
  assert.ok(!output.includes('"listening"'))
})

test('SIGTERM lets requests of all models finish and ends every engine', async (t) => {
  const { a, b } = modelFolders(t)
  const service = await serviceOn(t, `a=${a},b=${b}`)
  const engines = ['a', 'b'].map((model) => service.enginePid(model))
  const y = Array.from({ length: 200 }, (_, i) => ` word number ${i}`)
  const inProgress = ['a', 'b'].map((model) => service.post('/v1/logprob', { model, x: PAIRS[0]!.x, y }))
  await pause(150)

  const [code, ...responses] = await Promise.all([service.stop(), ...inProgress])
  assert.equal(code, 0)
  for (const response of responses) {
    assert.equal(response.status, 200)
    assert.equal((await logprobBody(response)).results.length, y.length)
  }
  assert.deepEqual(engines.map(isRunning), [false, false])
})
