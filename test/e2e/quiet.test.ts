import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MAIN, pause, startListening } from '../support/running-service.ts'
import { readSystemCalls, recordedTo, WITHOUT_STRACE } from '../support/system-calls.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** What programs that identify a machine read. A resolver reads resolv.conf, whether or not it is used. */
const IDENTIFYING = /machine-id|Microsoft|\.onnxruntime|mat-debug|\/\.ses$/
/** The runtime looked up its collector 1 to 3 s after it had loaded a model. */
const WATCHED_MS = 5000

function quietFolders(t: TestContext): { readonly home: string; readonly record: string; readonly env: Readonly<Record<string, string>> } {
  const home = tempFolder(t)
  return { home, record: join(tempFolder(t), 'system-calls'), env: { HOME: home, TMPDIR: home, XDG_CACHE_HOME: '', ORT_DISABLE_TELEMETRY: '0' } }
}

function assertQuiet(home: string, record: string): void {
  const { opened, remote } = readSystemCalls(record)
  assert.ok(
    opened.some((path) => path.includes('libonnxruntime')),
    'the runtime was not loaded'
  )
  assert.deepEqual(
    opened.filter((path) => IDENTIFYING.test(path)),
    []
  )
  assert.deepEqual(remote, [])
  assert.deepEqual(readdirSync(home, { recursive: true }), [])
}

test('a service contacts no other machine, reads no machine id and writes no file', { skip: WITHOUT_STRACE }, async (t) => {
  const { home, record, env } = quietFolders(t)
  const service = await startListening(env, recordedTo(record))
  t.after(() => service.stop())
  await service.untilReady()
  const response = await service.post('/v1/logprob', { x: 'The children ran down to the', y: ' river' })
  assert.equal(response.status, 200)
  await pause(WATCHED_MS)
  assert.equal(await service.stop(), 0)
  assertQuiet(home, record)
})

for (const [command, ...args] of [['score', '--x', 'The children ran down to the', '--y', ' river'], ['inspect']] as const)
  test(`logpr ${command} contacts no other machine, reads no machine id and writes no file`, { skip: WITHOUT_STRACE }, (t) => {
    const { home, record, env } = quietFolders(t)
    const [launcher = '', ...options] = recordedTo(record)
    const { status, stderr } = spawnSync(launcher, [...options, process.execPath, MAIN, command, ...args], {
      env: { ...process.env, ...env },
      encoding: 'utf8'
    })
    assert.equal(status, 0, stderr)
    const { opened, remote } = readSystemCalls(record)
    assert.deepEqual([opened.filter((path) => IDENTIFYING.test(path)), remote, readdirSync(home)], [[], [], []])
  })
