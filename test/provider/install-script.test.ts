import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { ONNXRUNTIME_VERSION, PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { INSTALL_COMMAND } from '../../src/provider/provider-report.ts'
import { tempFolder } from '../support/temp-folder.ts'

const SCRIPT = join(PACKAGE_FOLDER, INSTALL_COMMAND.replace(/^bash /, ''))
const run = promisify(execFile)

describe(INSTALL_COMMAND, () => {
  it('installs libraries for the version of onnxruntime-node, and checks their hash', () => {
    const text = readFileSync(SCRIPT, 'utf8')
    assert.equal(/^VERSION=(.+)$/m.exec(text)?.[1], ONNXRUNTIME_VERSION)
    assert.match(text, /^SHA256=[0-9a-f]{64}$/m)
  })

  it('rejects a folder without onnxruntime or with another version before it downloads anything', { skip: process.platform !== 'linux' }, async (t) => {
    await assert.rejects(run('bash', [SCRIPT, tempFolder(t)]), {
      code: 1,
      stderr: /there is no libonnxruntime\.so\.1 in .*: run npm ci first|exist for Linux on x86_64/
    })
    const other = tempFolder(t, { 'package.json': '{"version": "1.29.0"}', 'a/b/c/d/libonnxruntime.so.1': '' })
    await assert.rejects(run('bash', [SCRIPT, join(other, 'a/b/c/d')]), {
      code: 1,
      stderr: /onnxruntime-node is 1\.29\.0 and this script knows|pip is needed|x86_64/
    })
  })
})
