/** What Dockerfile, .dockerignore and docker-compose.yml promise without being run; test/containers/ runs them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { OPTIONS } from '../../src/config/options.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

const read = (path: string): string => readFileSync(join(PACKAGE_FOLDER, path), 'utf8')
const dockerfile = read('Dockerfile')

interface Service {
  readonly image: string
  readonly init: boolean
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
  readonly networks: readonly string[]
  readonly mem_limit: string
  readonly pids_limit: number
  readonly ports?: readonly string[]
  readonly secrets?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: { readonly 'api-keys': { readonly file: string } }
  readonly networks: { readonly inside: { readonly internal: boolean } }
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose

describe('Dockerfile', () => {
  test('.dockerignore lets through every file that it copies from the folder, and no more', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) => files.split(' '))
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
    assert.ok(read('.dockerignore').startsWith('*\n'))
    assert.deepEqual(allowed.sort(), [...new Set(copied)].sort())
  })

  test('its base images are arguments, so that a digest can pin them', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
    const stages = new Set([...dockerfile.matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, stage]) => stage))
    const others = bases.filter((base) => base !== 'scratch' && !stages.has(base))
    const names = others.map((base) => /^\$\{(\w+)\}$/.exec(base ?? '')?.[1])
    assert.deepEqual([...new Set(names)], ['BASE_IMAGE', 'CUDA_IMAGE'])
  })

  test('both images run as a numeric user that is not root, without telemetry, with heaps that follow the memory limit', () => {
    for (const stage of ['runtime', 'cuda']) {
      const [, text = ''] = new RegExp(`^FROM \\S+ AS ${stage}\n(.*?)^CMD`, 'ms').exec(dockerfile) ?? []
      assert.match(text, /^USER 1000:1000$/m, stage)
      assert.match(text, /ORT_DISABLE_TELEMETRY=1/, stage)
      assert.match(text, /NODE_OPTIONS=--max-old-space-size-percentage=25/, stage)
      assert.match(text, /^HEALTHCHECK /m, stage)
    }
  })
})

describe('docker-compose.yml', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    test(`${name} has an init, a read-only root, no capabilities, no new privileges and limits`, () => {
      assert.equal(service.init, true)
      assert.equal(service.read_only, true)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.ok(service.mem_limit !== undefined && service.pids_limit > 0)
    })
  }

  test('the replicas have no route out, no published port, and ask for a key', () => {
    assert.equal(compose.networks.inside.internal, true)
    for (const name of ['logpr-a', 'logpr-b']) {
      const service = compose.services[name]
      assert.deepEqual(service?.networks, ['inside'])
      assert.equal(service?.ports, undefined)
      assert.deepEqual(service?.secrets, ['api-keys'])
      assert.equal(service?.environment?.LOGPR_API_KEYS_FILE, '/run/secrets/api-keys')
    }
    assert.match(compose.secrets['api-keys'].file, /^\$\{LOGPR_API_KEYS_FILE:\?/)
  })

  test('every LOGPR_ variable of a replica is an option', () => {
    const names = Object.keys(compose.services['logpr-a']?.environment ?? {})
    assert.deepEqual(
      names.filter((name) => !(name.replace('LOGPR_', '') in OPTIONS)),
      []
    )
  })
})
