import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { EXIT_CODES } from '../../src/cli/exit-codes.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { HubServer } from '../support/hub/server.ts'
import { endOfStart, MAIN, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const ID = 'org/tiny'
const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const PAIR = ['--x', 'Once upon a', '--y', ' time']

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

describe('a model of the hub', () => {
  let hub: HubServer
  let commit: string
  before(async () => {
    hub = await new HubServer().start()
    commit = hub.publish(ID, Object.fromEntries(readdirSync(EMBEDDED).map((name) => [name, readFileSync(join(EMBEDDED, name))])))
    hub.publish('org/gated', { 'config.json': '{}' }, { access: 'gated', token: 'hf_secret' })
  })
  after(() => hub.stop())

  const environment = (cacheFolder: string, more: Record<string, string> = {}): Record<string, string> => ({
    HF_ENDPOINT: hub.url,
    HF_HUB_CACHE: cacheFolder,
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
    ...more
  })

  async function logpr(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
    const child: ChildProcess = spawn(process.execPath, [MAIN, ...argv], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const [[code], stdout, stderr] = await Promise.all([once(child, 'close') as Promise<[number | null]>, text(child.stdout!), text(child.stderr!)])
    return { code, stdout, stderr }
  }

  test('is pulled with its size announced, then scored offline with the numbers of the same folder on disk', async (t) => {
    const env = environment(tempFolder(t))
    const pulled = await logpr(['pull', ID], env)
    assert.equal(pulled.code, 0, pulled.stderr)
    assert.match(pulled.stderr, /^org\/tiny@main \(commit [0-9a-f]{12}\), dtype fp32: \d+ files, [\d.]+ MiB, [\d.]+ MiB to fetch\n/)
    assert.match(pulled.stderr, /^model\.onnx: [\d.]+ MiB, checked$/m)
    assert.ok(pulled.stdout.trim().endsWith(`snapshots/${commit}`))
    hub.heal()

    const [offline, onDisk] = await Promise.all([
      logpr(['score', ...PAIR, '--model', ID, '--hub-offline'], env),
      logpr(['score', ...PAIR, '--model', EMBEDDED], env)
    ])
    assert.equal(offline.code, 0, offline.stderr)
    assert.deepEqual((JSON.parse(offline.stdout) as { log_prob: object }).log_prob, (JSON.parse(onDisk.stdout) as { log_prob: object }).log_prob)
    assert.equal(hub.seen.length, 0)
  })

  test('is fetched by a service that starts with its id, and served under that id', async (t) => {
    const env = environment(tempFolder(t), { LOGPR_MODEL: ID })
    const service = await startService(env)
    t.after(() => service.stop())
    const { data } = (await (await service.get('/v1/models')).json()) as { data: { id: string }[] }

    assert.deepEqual(
      data.map(({ id }) => id),
      [ID]
    )
    assert.ok(service.log.some((line) => line.includes(`"commit":"${commit}"`) && line.includes('model found on the hub')))
  })

  test('is inspected by its id', async (t) => {
    const { code, stdout } = await logpr(['inspect', `${ID}@${commit}`, '--json', 'true'], environment(tempFolder(t)))
    assert.deepEqual([code, (JSON.parse(stdout) as { model: { id: string } }).model.id], [0, ID])
  })

  for (const [argv, more, expected, said] of [
    [['pull', ID, '--hub-offline'], {}, EXIT_CODES.not_in_cache, /no revision of org\/tiny@main; fetch it with: logpr pull org\/tiny/],
    [['pull', ID], { HF_HUB_OFFLINE: '1' }, EXIT_CODES.not_in_cache, /no revision/],
    [['pull', 'org/absent'], {}, EXIT_CODES.hub_not_found, /no such repository, or it is private/],
    [['pull', `${ID}@absent`], {}, EXIT_CODES.hub_not_found, /no branch, tag or commit absent/],
    [['pull', 'org/gated'], { HF_TOKEN: 'hf_wrong' }, EXIT_CODES.hub_refused, /the token is invalid/],
    [['pull', ID], { HF_HUB_CACHE: '/dev/null/cache' }, EXIT_CODES.cache_failed, /HF_HUB_CACHE/],
    [['pull'], {}, 2, /pull takes one hub id/],
    [['pull', './folder'], {}, 2, /pull takes a hub id/],
    [['serve', '--model', 'absent'], {}, 2, /there is no folder "absent", and it is no hub id/],
    [['score', ...PAIR, '--model', 'org/absent'], {}, EXIT_CODES.hub_not_found, /there is no folder org\/absent either/]
  ] as const) {
    test(`${argv.join(' ')} ${JSON.stringify(more)} ends with exit code ${expected}`, async (t) => {
      const { code, stderr } = await logpr(argv, environment(tempFolder(t), more))
      assert.equal(code, expected, stderr)
      assert.match(stderr, said)
      assert.ok(!stderr.includes('hf_wrong'))
    })
  }

  test('a service whose model cannot be had ends with the same exit code', async (t) => {
    const { code, output } = await endOfStart(environment(tempFolder(t), { LOGPR_MODEL: 'org/absent' }))
    assert.equal(code, EXIT_CODES.hub_not_found, output)
  })
})
