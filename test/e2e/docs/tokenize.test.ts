import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { type RunningService, startService } from '../../support/running-service.ts'

const run = promisify(execFile)
const page = readFileSync(join(PACKAGE_FOLDER, 'docs', 'reference', 'tokenize.md'), 'utf8')
const examples = [...page.matchAll(/^```bash\n(curl .*?)^```\n```json\n(.*?)^```/gms)].map(([, command = '', answer = '']) => ({ command, answer }))

describe('docs/reference/tokenize.md', () => {
  let service: RunningService
  before(async () => {
    service = await startService()
  })
  after(() => service.stop())

  test('shows each of the three endpoints', () => assert.equal(examples.length, 3))

  for (const { command, answer } of examples) {
    test(`shows what the service answers: ${command.slice(0, 50)}...`, async () => {
      const { stdout } = await run('bash', ['-c', command.replaceAll('http://127.0.0.1:8080', service.url)])
      const real = JSON.parse(stdout) as Record<string, unknown>
      const shown = JSON.parse(answer) as Record<string, unknown>
      assert.deepEqual(Object.fromEntries(Object.keys(shown).map((name) => [name, real[name]])), shown)
    })
  }
})
