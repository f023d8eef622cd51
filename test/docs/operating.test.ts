/** The pages for operators, compared with the code and the files that they describe; their commands are run. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { parseApiKeys } from '../../src/config/api-keys.ts'
import { OPTIONS, type OptionName } from '../../src/config/options.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { MAIN } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const run = promisify(execFile)
const read = (path: string): string => readFileSync(join(PACKAGE_FOLDER, path), 'utf8')

/** The block of a page whose first command begins with `start`. */
function commands(page: string, start: string): string {
  const blocks = [...read(page).matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)
  const found = blocks.find((block) => block.startsWith(start))
  assert.ok(found !== undefined, `${page} has no block that begins with ${start}`)
  return found
}

/** Runs a block in an empty folder with `logpr` on the path. */
async function runBlock(t: TestContext, block: string, files: (folder: string) => void = () => {}): Promise<{ folder: string; stdout: string }> {
  const folder = tempFolder(t)
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin', 'logpr'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 })
  files(folder)
  const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` }
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', block], { cwd: folder, env })
  return { folder, stdout }
}

describe('docs/guides/deploy.md', () => {
  test('its command for API keys writes a file that the service takes', async (t) => {
    const { folder } = await runBlock(t, commands('docs/guides/deploy.md', 'key='))
    assert.equal(parseApiKeys(readFileSync(join(folder, 'api-keys.txt'), 'utf8')).length, 1)
  })

  test('its commands for SHA256SUMS find every file of a model unchanged', async (t) => {
    const embedded = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
    const { stdout } = await runBlock(t, commands('docs/guides/deploy.md', 'logpr manifest'), (folder) =>
      cpSync(embedded, join(folder, 'FOLDER'), { recursive: true })
    )
    assert.match(stdout, /^model\.onnx: OK$/m)
    assert.match(stdout, /^tokenizer\.json: OK$/m)
  })

  test('shows the defaults of the variables of docker-compose.yml', () => {
    const compose = read('docker-compose.yml')
    const variables = [...compose.matchAll(/\$\{(LOGPR_\w+):-([^}]+)\}/g)].map(([, name, fallback]) => `| \`${name}\` | ${fallback} |`)
    assert.equal(variables.length, 5)
    assert.deepEqual(
      variables.filter((row) => !read('docs/guides/deploy.md').includes(row)),
      []
    )
  })
})

describe('docs/reference/limits-and-timeouts.md', () => {
  const rows = [...read('docs/reference/limits-and-timeouts.md').matchAll(/^\| `LOGPR_(\w+)` \| `(\w+)` \|/gm)]

  test('has rows of settings', () => assert.equal(rows.length, 22))

  for (const [, name = '', shown] of rows) {
    test(`shows the default of ${name}`, () => assert.equal(shown, String(OPTIONS[name as OptionName].default)))
  }
})

describe('docs/guides/monitor.md', () => {
  test('lists every alert of deploy/alerts.yml, and no other', () => {
    const { groups } = parse(read('deploy/alerts.yml')) as { groups: { rules: { alert: string }[] }[] }
    const listed = [...read('docs/guides/monitor.md').matchAll(/^\| `(Logpr\w+)` \|/gm)].map(([, name]) => name)
    assert.deepEqual(listed.sort(), groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).sort())
  })

  test('lists log messages that the code writes', () => {
    const table = read('docs/guides/monitor.md').split('| message | level | meaning |')[1]?.split('\n\n')[0] ?? ''
    const messages = [...table.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text))
    const code = [
      'src/cli/serve.ts',
      'src/cli/service-stop.ts',
      'src/config/conflicts.ts',
      'src/config/environment.ts',
      'src/serving/api-key-file.ts',
      'src/engine/process-engine.ts',
      'src/http/plugins/error-handler.ts',
      'src/http/plugins/request-context.ts'
    ]
      .map(read)
      .join('')
    assert.ok(messages.length >= 10)
    assert.deepEqual(
      messages.filter(
        (message = '') => !(code.includes(`'${message}'`) || (message.includes('...') && message.split('...').every((part) => code.includes(part))))
      ),
      []
    )
  })
})
