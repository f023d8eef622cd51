/** The commands of README's "Other models", against a local hub that has the model they name. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { HubServer } from '../../support/hub/server.ts'
import { present } from '../../support/present.ts'
import { MAIN, startService } from '../../support/running-service.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const run = promisify(execFile)
const MODELS = join(PACKAGE_FOLDER, 'test', 'data', 'models')
const ID = 'organisation/name'

/** The command lines of the block that begins with `npx logpr pull`, without their comments, as words. */
function commands(): string[][] {
  const [, block = ''] = present(/^```sh\n(npx logpr pull[\s\S]*?)^```$/m.exec(readFileSync(join(PACKAGE_FOLDER, 'README.md'), 'utf8')))
  return block
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/\s+#.*$/, '')
        .split(' ')
        .slice(2)
    )
}

describe('the commands for other models in README', () => {
  const hub = new HubServer()
  let env: Record<string, string>
  before(async () => {
    await hub.start()
    const folders = ['llama', 'llama-quantized'].map((name) => join(MODELS, name))
    hub.publish(
      ID,
      Object.fromEntries(
        folders.flatMap((folder) =>
          readdirSync(folder, { recursive: true, encoding: 'utf8' })
            .filter((file) => file.includes('.'))
            .map((file) => [file, readFileSync(join(folder, file))])
        )
      )
    )
  })
  before(() => {
    env = { HF_ENDPOINT: hub.url, HF_HUB_CACHE: tempFolder({ after }), HF_TOKEN: '', HF_HUB_OFFLINE: '' }
  })
  after(() => hub.stop())

  const [pull = [], inspect = [], serve = []] = commands()
  const logpr = (argv: readonly string[]) => run(process.execPath, [MAIN, ...argv], { env: { ...process.env, ...env } })

  test(`logpr ${pull.join(' ')}`, async () => {
    assert.equal(pull[0], 'pull')
    const { stdout, stderr } = await logpr(pull)
    assert.match(stderr, /, dtype q4: /)
    assert.match(stdout, /\/snapshots\/[0-9a-f]{40}\n$/)
  })

  test(`logpr ${inspect.join(' ')}`, async () => {
    assert.equal(inspect[0], 'inspect')
    const { stdout } = await logpr(inspect)
    assert.match(stdout, /llama/i)
  })

  test(`logpr ${serve.join(' ')}`, async (t) => {
    const [command, flag, models = ''] = serve
    assert.deepEqual([command, flag], ['serve', '--model'])
    const service = await startService({ ...env, LOGPR_MODEL: models.replace('PATH', join(MODELS, 'gpt2-no-past')) })
    t.after(() => service.stop())
    const { data } = (await (await service.get('/v1/models')).json()) as { data: { id: string }[] }
    assert.deepEqual(
      data.map(({ id }) => id),
      ['small', 'org/large']
    )
  })
})
