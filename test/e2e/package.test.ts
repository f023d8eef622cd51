/** What `npm pack` makes, installed into an empty folder with the Node that runs this test. */

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { LOGPR_VERSION, PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Without the variables of the npm that runs the tests, which name the folder of this clone. */
const ENV = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_|ONNXRUNTIME_NODE_INSTALL)/i.test(name))),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
}
const MAX_TARBALL_BYTES = 40e6
const PAIR = { x: 'The children ran down to the', y: ' river' }

interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string; readonly mode: number }[]
}

interface Versioned {
  readonly version: string
}

const folder = tempFolder({ after })
const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { cwd: folder, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

describe('npm pack', () => {
  // dist/ must stay as it is while tests run.
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: PACKAGE_FOLDER, env: ENV, encoding: 'utf8', maxBuffer: 2 ** 26 })) as Packed[]
  const { filename, size, unpackedSize, files } = present(packed)
  const own = files.map(({ path }) => path).filter((path) => !path.startsWith('node_modules/'))

  test(`has what runs and nothing else, in ${(size / 1e6).toFixed(1)} MB (unpacked ${(unpackedSize / 1e6).toFixed(1)} MB)`, () => {
    const parts = new Set(
      own.map((path) =>
        path
          .split('/')
          .slice(0, path.startsWith('dist/') ? 2 : 1)
          .join('/')
      )
    )
    const expected = ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist/src', 'models', 'openapi.yaml', 'package.json', 'web']
    assert.deepEqual([...parts].sort(), expected)
    assert.deepEqual(
      own.filter((path) => /\.(?:map|ts|py)$/.test(path) && !path.endsWith('.d.ts')),
      []
    )
    assert.ok(size < MAX_TARBALL_BYTES)
  })

  test('installs the packages that were tested, without downloading CUDA libraries or a warning about Node', () => {
    run('npm', ['init', '--yes'])
    const said = execFileSync('bash', ['-c', `npm install --prefer-offline --no-audit ./${filename} 2>&1`], { cwd: folder, env: ENV, encoding: 'utf8' })
    assert.doesNotMatch(said, /EBADENGINE|deprecated/)
    const bundled = readdirSync(join(folder, 'node_modules', 'logpr', 'node_modules'), { recursive: true, encoding: 'utf8' })
    // Newer ones need Node 22, and the overrides of package.json do not apply here.
    for (const [name, version] of Object.entries({ cookie: '1.1.1', 'content-disposition': '2.0.1' })) {
      const manifests = bundled.filter((path) => path === `${name}/package.json` || path.endsWith(`/node_modules/${name}/package.json`))
      const versions = manifests.map(
        (path) => (JSON.parse(readFileSync(join(folder, 'node_modules', 'logpr', 'node_modules', path), 'utf8')) as Versioned).version
      )
      assert.deepEqual(versions, [version], name)
    }
    const natives = readdirSync(join(folder, 'node_modules', 'onnxruntime-node', 'bin'), { recursive: true, encoding: 'utf8' })
    assert.ok(natives.length > 0)
    assert.deepEqual(
      natives.filter((file) => file.includes('providers')),
      []
    )
  })

  test('scores on the command line', () => {
    assert.equal(run('npx', ['--no', '--', 'logpr', '--version']).trim(), LOGPR_VERSION)
    const result = JSON.parse(run('npx', ['--no', '--', 'logpr', 'score', '--x', PAIR.x, '--y', PAIR.y])) as { log_prob: { conditional: number } }
    assert.equal(result.log_prob.conditional.toFixed(2), '-3.79')
  })

  test('serves the API, the playground and the API reference', async () => {
    const program = join(folder, 'node_modules', '.bin', 'logpr')
    const service = spawn(program, ['serve'], { cwd: folder, env: { ...ENV, LOGPR_PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
    let url = ''
    for await (const line of createInterface({ input: service.stdout })) {
      const { msg, address } = JSON.parse(line) as { readonly msg: string; readonly address?: string }
      url = address ?? url
      if (msg === 'ready') break
    }
    service.stdout.resume()
    const response = await fetch(`${url}/v1/logprob`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(PAIR) })
    const { results } = (await response.json()) as { readonly results: readonly { readonly log_prob: { readonly conditional: number } }[] }
    assert.equal(results[0]?.log_prob.conditional.toFixed(2), '-3.79')
    for (const path of ['/', '/docs', '/openapi.yaml']) assert.equal((await fetch(url + path)).status, 200, path)
    service.kill('SIGTERM')
    assert.deepEqual(await once(service, 'exit'), [0, null])
  })

  test('exports its description of the API', () => {
    const print = "import { createRequire } from 'node:module'; console.log(createRequire(process.cwd() + '/x.js').resolve('logpr/openapi.yaml'))"
    assert.match(run(process.execPath, ['--input-type=module', '--eval', print]), /openapi\.yaml$/m)
  })
})
