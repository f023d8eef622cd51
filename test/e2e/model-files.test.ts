import assert from 'node:assert/strict'
import { copyFileSync, cpSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { overwrite, touch } from '../support/file-changes.ts'
import { logprobBody, problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { childPids, endOfStart, pause, type RunningService, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const BODY = { x: 'The children ran down to the', y: ' river' }
const CLIENTS = 4
/** The place of the largest float32 matrix in the file. */
const { offset: WEIGHTS_AT, length: WEIGHTS_BYTES } = readOnnx(join(EMBEDDED, 'model.onnx'))
  .initializers.flatMap(({ value }) => (value instanceof Uint8Array ? [] : [value]))
  .reduce((largest, range) => (range.length > largest.length ? range : largest))

interface Answer {
  readonly status: number
  /** The joint of a response with status 200, else the error code. */
  readonly said: number | string | null | undefined
}

function copyOfModel(t: TestContext): string {
  const folder = tempFolder(t)
  cpSync(EMBEDDED, folder, { recursive: true })
  return folder
}

/** Flips the sign of every weight of one matrix: a model of the same size with other scores. */
function turnSigns(path: string): void {
  const weights = readFileSync(path).subarray(WEIGHTS_AT, WEIGHTS_AT + WEIGHTS_BYTES)
  overwrite(
    path,
    weights.map((byte, i) => (i % 4 === 3 ? byte ^ 0x80 : byte)),
    WEIGHTS_AT
  )
}

/** One thread and one text per batch, so that scores can be compared bit for bit. */
async function serviceOn(t: TestContext, folder: string): Promise<RunningService> {
  const service = await startService({
    LOGPR_MODEL: folder,
    LOGPR_MODEL_FILES_INTERVAL_MS: '200',
    LOGPR_EXIT_ON_FAILURE: 'false',
    LOGPR_THREADS: '1',
    LOGPR_MAX_BATCH_TOKENS: '1',
    LOGPR_VERIFY_PERCENT: '0'
  })
  t.after(() => service.stop())
  return service
}

async function ask(service: RunningService): Promise<Answer> {
  const response = await service.post('/v1/logprob', BODY)
  if (response.status === 200) return { status: 200, said: (await logprobBody(response)).results[0]?.log_prob.joint }
  return { status: response.status, said: (await problemBody(response)).code }
}

/** The responses to clients while `meanwhile` runs. */
async function answersDuring(service: RunningService, meanwhile: () => Promise<void>): Promise<Answer[]> {
  let isOver = false
  const answers: Answer[] = []
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) answers.push(await ask(service))
  })
  await pause(200)
  try {
    await meanwhile()
  } finally {
    isOver = true
  }
  await Promise.all(clients)
  return answers
}

async function untilNotReadyForGood(service: RunningService): Promise<string> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(50)) {
    const response = await service.get('/readyz')
    const { status, reason } = (await response.json()) as { status: string; reason: string }
    if (response.status === 503 && status === 'failed') return reason
  }
  throw new Error(`the service was still ready after 10 s: ${service.log.join('\n')}`)
}

const CHANGES: readonly [string, (path: string) => void][] = [
  ['cut short', (path) => truncateSync(path, WEIGHTS_AT)],
  ['written over with other weights of the same size', turnSigns],
  [
    'swapped for other weights by a rename',
    (path) => {
      copyFileSync(path, `${path}.new`)
      turnSigns(`${path}.new`)
      renameSync(`${path}.new`, path)
    }
  ]
]

describe('a model file that changes under load', () => {
  for (const [what, change] of CHANGES) {
    test(`${what}: no response has another score, and the service reports why it is not ready`, async (t) => {
      const folder = copyOfModel(t)
      const service = await serviceOn(t, folder)
      const before = await ask(service)
      assert.equal(before.status, 200)

      let reason = ''
      const answers = await answersDuring(service, async () => {
        change(join(folder, 'model.onnx'))
        reason = await untilNotReadyForGood(service)
      })
      const after = await ask(service)

      assert.match(reason, /changed on disk since this service loaded it.*start the service again/)
      assert.deepEqual(after, { status: 503, said: 'engine_unavailable' })
      assert.ok(answers.some(({ status }) => status === 200))
      for (const answer of answers) assert.deepEqual(answer, answer.status === 200 ? before : after)
      assert.deepEqual([(await service.get('/livez')).status, await service.stop()], [503, 0])
    })
  }

  test('touched twice: the engine is replaced, no request fails and no score changes', async (t) => {
    const folder = copyOfModel(t)
    const service = await serviceOn(t, folder)
    const before = await ask(service)
    const answers = await answersDuring(service, async () => {
      for (let time = 0; time < 2; time++) {
        const enginePid = service.enginePid()
        // Between the two engines there is none for a moment.
        const current = (): number | undefined => childPids(present(service.process.pid))[0]
        touch(join(folder, 'model.onnx'))
        for (const deadline = Date.now() + 10_000; current() === enginePid && Date.now() < deadline; ) await pause(20)
        assert.notEqual(current(), enginePid)
        await service.untilReady()
      }
    })
    assert.ok(answers.length > CLIENTS)
    for (const answer of answers) assert.deepEqual(answer, before)
    assert.match(service.log.join('\n'), /a file of the model changed on disk/)
    assert.equal((await service.get('/readyz')).status, 200)
  })

  test('an idle service also notices changed weights', async (t) => {
    const folder = copyOfModel(t)
    const service = await serviceOn(t, folder)
    turnSigns(join(folder, 'model.onnx'))
    assert.match(await untilNotReadyForGood(service), /changed on disk/)
  })

  test('a link pointed to other weights changes nothing, even after a restart of the engine', async (t) => {
    const folder = copyOfModel(t)
    const path = join(folder, 'model.onnx')
    for (const blob of ['blob1', 'blob2']) copyFileSync(path, join(folder, blob))
    turnSigns(join(folder, 'blob2'))
    rmSync(path)
    symlinkSync('blob1', path)
    const service = await serviceOn(t, folder)
    const before = await ask(service)

    rmSync(path)
    symlinkSync('blob2', path)
    process.kill(service.enginePid(), 'SIGKILL')
    assert.deepEqual(await ask(service), before)
    assert.equal((await service.get('/readyz')).status, 200)
  })
})

describe('a start with a model folder whose files do not belong together', () => {
  interface Canary {
    readonly known_answers: { readonly texts: { readonly log_probs: number[] }[] }[]
  }

  function editJson<T>(path: string, edit: (value: T) => void): void {
    const value = JSON.parse(readFileSync(path, 'utf8')) as T
    edit(value)
    writeFileSync(path, JSON.stringify(value))
  }

  const FAULTS: readonly [string, (folder: string) => void, RegExp][] = [
    [
      'weights of which one bit is another than those of canary.json',
      (folder) => {
        const path = join(folder, 'model.onnx')
        overwrite(path, Buffer.of(readFileSync(path)[WEIGHTS_AT]! ^ 1), WEIGHTS_AT)
      },
      /canary\.json was made for weights with SHA-256 [0-9a-f]{64}, but the weights here have [0-9a-f]{64}/
    ],
    ['weights that give other numbers than those of canary.json', (folder) => turnSigns(join(folder, 'model.onnx')), /\[known_answer\].*the weights differ/],
    [
      'one log-probability of canary.json changed',
      (folder) =>
        editJson<Canary>(join(folder, 'canary.json'), ({ known_answers: [set] }) => {
          set!.texts[1]!.log_probs[3]! += 0.5
        }),
      /\[known_answer\] a text differs by 0\.\d+ nats/
    ],
    [
      'a tokenizer whose ids were permuted',
      (folder) =>
        editJson<{ model: { vocab: Record<string, number> } }>(join(folder, 'tokenizer.json'), ({ model: { vocab } }) => {
          // Swaps pairs of ids above the control tokens.
          for (const [token, id] of Object.entries(vocab)) if (id >= 300 && id < 2000) vocab[token] = id ^ 1
        }),
      /\[tokenizer_known_answer\] 2 of 2 texts do not have their stored token ids.*the tokenizer belongs to another model/
    ]
  ]
  for (const [what, change, reason] of FAULTS) {
    test(`ends with exit code 2 and the reason: ${what}`, async (t) => {
      const folder = copyOfModel(t)
      change(folder)
      const { code, output } = await endOfStart({ LOGPR_MODEL: folder })
      assert.equal(code, 2)
      assert.match(output, reason)
      assert.match(output, /the model cannot be served/)
    })
  }
})
