/** Builds the images, starts docker-compose.yml and restarts its replicas under load. `npm run test:containers`. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Docker, startDocker } from './docker.ts'
import { type Fleet, scoreThrough, startFleet, startLoad } from './fleet.ts'
import { isolationOf } from './isolation.ts'

const CLIENTS = 4

const docker = await startDocker(['node:24-bookworm-slim', 'haproxy:3.2.4-alpine', 'prom/prometheus:v3.5.0'])
const options = typeof docker === 'string' ? { skip: docker } : { timeout: 900_000 }

describe('containers', options, () => {
  const daemon = docker as Docker
  after(() => daemon.stop())

  test('the CPU image builds', async (t) => {
    t.diagnostic(daemon.standIns.length === 0 ? 'on the real base images' : `on stand-ins for ${daemon.standIns.join(', ')}`)
    await daemon.run(['build', '--target', 'runtime', '--tag', 'logpr:0.1.0', '.'])
    const size = Number(await daemon.run(['image', 'inspect', '--format', '{{ .Size }}', 'logpr:0.1.0']))
    t.diagnostic(`${Math.round(size / 2 ** 20)} MiB`)
  })

  test('without a file of API keys, docker compose refuses to start', async () => {
    await assert.rejects(daemon.compose(['config'], { LOGPR_API_KEYS_FILE: '' }), /API key/)
  })

  describe('docker-compose.yml', () => {
    let fleet: Fleet
    before(async () => {
      fleet = await startFleet(daemon)
    })
    after(() => fleet.stop())

    test('its health checks turn healthy, and it scores for whoever has a key', async () => {
      assert.equal((await scoreThrough(fleet)).status, 200)
      assert.equal((await scoreThrough(fleet, {})).status, 401)
      assert.equal((await scoreThrough(fleet, { authorization: `Bearer ${'0'.repeat(64)}` })).status, 401)
    })

    test('its containers can do nothing but serve', async (t) => {
      const findings = await isolationOf(daemon, fleet)
      for (const { property, found } of findings) t.diagnostic(`${property}: ${found}`)
      assert.deepEqual(
        findings.filter(({ isKept }) => !isKept),
        []
      )
    })

    test('Prometheus scrapes both replicas and the gateway, and loads every alert', async () => {
      const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:9090/api/v1/${path}`)).text()
      const targets = JSON.parse(await ask('targets')) as { data: { activeTargets: { health: string }[] } }
      assert.equal(targets.data.activeTargets.length, 3)
      assert.ok((await ask('rules')).includes('LogprNoReplicaReady'))
    })

    test('a rolling restart under load loses no request', async (t) => {
      const load = startLoad(fleet, CLIENTS)
      for (const service of ['logpr-a', 'logpr-b'] as const) await fleet.restart(service)
      const { sent, failures } = await load.stop()
      t.diagnostic(`${sent} requests, ${failures.length} failures, 2 restarts`)
      assert.deepEqual(failures, [])
      assert.ok(sent > 100, `${sent} requests`)
    })
  })
})
