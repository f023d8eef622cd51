import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { codeBlocks, readPage } from '../support/page-blocks.ts'
import { startService } from '../support/running-service.ts'

/** Made by .ci/run, with the built wheel of clients/python installed. */
const PYTHON = join(PACKAGE_FOLDER, '.venv-client', 'bin', 'python')
if (!existsSync(PYTHON) && process.env.CI === 'true') throw new Error('.venv-client is missing: the Python client must be tested in CI')
const skip = existsSync(PYTHON) ? false : 'the environment .venv-client of .ci/run does not exist'

test('the wheel of the Python client passes its tests against a service', { skip }, async (t) => {
  const service = await startService()
  t.after(() => service.stop())
  const { stdout } = await promisify(execFile)(PYTHON, ['-m', 'pytest', '-q', '-ra', '-p', 'no:cacheprovider', 'tests'], {
    cwd: join(PACKAGE_FOLDER, 'clients', 'python'),
    env: { ...process.env, LOGPR_URL: service.url, PYTHONDONTWRITEBYTECODE: '1' }
  }).catch((failure: { stdout: string }) => assert.fail(failure.stdout))
  assert.match(stdout, /\d+ passed/)
  assert.doesNotMatch(stdout, /skipped|failed|error/)
})

test('the Python of README and of docs/guides/clients.md runs and prints scores', { skip }, async (t) => {
  const service = await startService()
  t.after(() => service.stop())
  const blocks = ['README.md', 'docs/guides/clients.md'].flatMap((page) => codeBlocks(readPage(page), 'python'))
  assert.equal(blocks.length, 4)
  for (const block of blocks) {
    const { stdout, stderr } = await promisify(execFile)(PYTHON, ['-c', block.replaceAll('http://127.0.0.1:8080', service.url)])
    assert.match(stdout, /-\d+\.\d+|logprob\.result/)
    assert.equal(stderr, '')
  }
})
