/** bin/skip-cuda-download.mjs, on a project with a package that downloads when it is installed. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { tempFolder } from './support/temp-folder.ts'

const SKIP = join('node_modules', 'logpr', 'bin', 'skip-cuda-download.mjs')
const INSTALL = join('node_modules', 'onnxruntime-node', 'script', 'install.js')

function project(t: TestContext, dependencies: Readonly<Record<string, string>>): string {
  return tempFolder(t, {
    'package.json': JSON.stringify({ name: 'project', dependencies }),
    [SKIP]: readFileSync(join(PACKAGE_FOLDER, 'bin', 'skip-cuda-download.mjs')),
    [INSTALL]: "'use strict'\nconsole.log('downloads')\n",
    'node_modules/onnxruntime-node/package.json': '{"name":"onnxruntime-node"}'
  })
}

/** What the install script of onnxruntime-node prints after `runs` runs of the script that changes it. */
function installed(folder: string, variables: Readonly<Record<string, string>> = {}, runs = 1): string {
  const env = { PATH: process.env.PATH, npm_config_local_prefix: folder, ...variables }
  const run = (script: string): string => execFileSync(process.execPath, [join(folder, script)], { env, encoding: 'utf8' })
  for (let i = 0; i < runs; i++) run(SKIP)
  return run(INSTALL).trim()
}

describe('the install script of onnxruntime-node, after the preinstall script of logpr', () => {
  test('downloads nothing, however often logpr is installed', (t) => {
    const folder = project(t, { logpr: '0.1.0' })
    assert.equal(installed(folder), '')
    const once = readFileSync(join(folder, INSTALL), 'utf8')
    assert.equal(installed(folder, {}, 2), '')
    assert.equal(readFileSync(join(folder, INSTALL), 'utf8'), once)
  })

  test('downloads if its variable or its flag asks for it', (t) => {
    const folder = project(t, { logpr: '0.1.0' })
    assert.equal(installed(folder, { ONNXRUNTIME_NODE_INSTALL: 'cuda12' }), 'downloads')
    assert.equal(installed(folder, { npm_config_onnxruntime_node_install: 'cuda12' }), 'downloads')
  })

  test('is left alone in a project that depends on onnxruntime-node', (t) => {
    assert.equal(installed(project(t, { logpr: '0.1.0', 'onnxruntime-node': '1.30.0' })), 'downloads')
  })
})
