import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { ID, WEIGHTS_ETAG } from '../hub/faults/fault.ts'
import { PROCESS_FAULTS } from '../hub/faults/processes.ts'
import { MODEL_FILES, NEEDED } from '../support/hub/model-files.ts'
import { hasContent } from '../support/hub/pulling.ts'
import { type HubServer, startHub } from '../support/hub/server.ts'
import { MAIN, pause } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const DATA = new RegExp(WEIGHTS_ETAG)

interface Ended {
  readonly code: number | null
  readonly folder: string
  readonly told: string
}

interface RunningPull {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** Its standard error so far. */
  told(): string
}

function startPull(hub: HubServer, cacheFolder: string): RunningPull {
  const env = { ...process.env, HF_ENDPOINT: hub.url, HF_HUB_CACHE: cacheFolder, HF_TOKEN: '', HF_HUB_OFFLINE: '' }
  const child = spawn(process.execPath, [MAIN, 'pull', ID], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    told += chunk
  })
  const ended = Promise.all([once(child, 'close') as Promise<[number | null]>, text(child.stdout)]).then(([[code], folder]) => ({
    code,
    folder: folder.trim(),
    told
  }))
  return { process: child, ended, told: () => told }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++, await pause(10)) if (holds()) return
  throw new Error(`${what} did not happen within 10 s`)
}

/** Waits until a part of the weights is on disk. */
async function untilHalfWay(cacheFolder: string): Promise<void> {
  const path = join(cacheFolder, 'models--org--tiny', 'blobs', `${WEIGHTS_ETAG}.logpr.incomplete`)
  await until('a part of the weights', () => existsSync(path) && statSync(path).size > 0)
}

function assertWhole({ code, folder, told }: Ended, cacheFolder: string): void {
  assert.equal(code, 0, told)
  for (const path of NEEDED) assert.ok(hasContent(join(folder, path), MODEL_FILES[path]), path)
  const left = readdirSync(cacheFolder, { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    left.filter((path) => /\.(?:incomplete|lock|tmp)$/.test(path)),
    []
  )
}

for (const [signal, code, { name }] of [
  ['SIGKILL', null, PROCESS_FAULTS.killed],
  ['SIGINT', 130, PROCESS_FAULTS.interrupted]
] as const) {
  test(`${name}: the next pull resumes and ends with the correct content`, async (t) => {
    const hub = await startHub(t)
    hub.publish(ID, MODEL_FILES)
    hub.plant('storage', DATA, { kind: 'stall', afterBytes: 300_000 })
    const cacheFolder = tempFolder(t)
    const first = startPull(hub, cacheFolder)
    await untilHalfWay(cacheFolder)
    first.process.kill(signal)

    assert.equal((await first.ended).code, code)
    assertWhole(await startPull(hub, cacheFolder).ended, cacheFolder)
    assert.deepEqual(
      hub.requestsTo('storage', DATA).map(({ range }) => range !== undefined),
      [false, true]
    )
  })
}

test(`${PROCESS_FAULTS.twice.name}: one downloads, the other waits, and both end with the correct content`, async (t) => {
  const hub = await startHub(t)
  hub.publish(ID, MODEL_FILES)
  const cacheFolder = tempFolder(t)
  const ends = await Promise.all([startPull(hub, cacheFolder), startPull(hub, cacheFolder)].map(({ ended }) => ended))

  for (const end of ends) assertWhole(end, cacheFolder)
  assert.equal(hub.requestsTo('storage', DATA).length, 1)
})

test(`${PROCESS_FAULTS.takenOver.name}: the other resumes the download`, async (t) => {
  const hub = await startHub(t)
  hub.publish(ID, MODEL_FILES)
  hub.plant('storage', DATA, { kind: 'stall', afterBytes: 300_000 })
  const cacheFolder = tempFolder(t)
  const first = startPull(hub, cacheFolder)
  await untilHalfWay(cacheFolder)
  const second = startPull(hub, cacheFolder)
  await until('the wait of the second', () => second.told().includes('waiting for another process'))
  first.process.kill('SIGKILL')

  assertWhole(await second.ended, cacheFolder)
  assert.equal(hub.requestsTo('storage', DATA).at(-1)?.range !== undefined, true)
})
