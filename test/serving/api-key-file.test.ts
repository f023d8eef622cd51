import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Logger, pino } from 'pino'
import { type WatchedApiKeys, watchApiKeys } from '../../src/serving/api-key-file.ts'
import { pause } from '../support/running-service.ts'

const OLD = 'old-key-of-16-characters'
const NEW = 'new-key-of-16-characters'

describe('watchApiKeys', () => {
  let folder: string
  let path: string
  let watched: WatchedApiKeys
  const lines: string[] = []
  const log: Logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
  const isKnown = (key: string): boolean => watched.keys.find(key) !== undefined

  /** Waits for the poll, which looks once a second. */
  async function until(what: () => boolean): Promise<void> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(50)) if (what()) return
    assert.fail(`not seen within 20 s: ${lines.join('')}`)
  }

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'logpr-keys-'))
    path = join(folder, 'keys')
    writeFileSync(path, OLD)
    watched = watchApiKeys(path, log)
  })
  after(() => {
    watched.stop()
    rmSync(folder, { recursive: true })
  })

  it('follows a file that is replaced by another', async () => {
    assert.deepEqual([isKnown(OLD), isKnown(NEW)], [true, false])
    writeFileSync(`${path}.next`, `${OLD}\n${NEW}\n`)
    renameSync(`${path}.next`, path)
    await until(() => isKnown(NEW))
    assert.ok(isKnown(OLD))
  })

  it('ends the access of a key that is removed', async () => {
    writeFileSync(path, `# only the new one\n${NEW}\n`)
    await until(() => !isKnown(OLD))
    assert.ok(isKnown(NEW))
  })

  it('keeps the old keys and logs why when the new file is invalid or gone', async () => {
    writeFileSync(path, 'short')
    await until(() => lines.some((line) => /the API key file .+ is invalid: line 1: /.test(line)))
    assert.ok(isKnown(NEW))
    rmSync(path)
    await until(() => lines.some((line) => line.includes('cannot be read')))
    assert.ok(isKnown(NEW))
  })

  it('reads the file again on SIGHUP', async () => {
    writeFileSync(path, OLD)
    process.kill(process.pid, 'SIGHUP')
    await until(() => isKnown(OLD))
    assert.ok(!isKnown(NEW))
  })

  it('logs the number of keys and never a key', () => {
    assert.ok(lines.some((line) => line.includes('"keys":2')))
    assert.ok(!lines.some((line) => line.includes(OLD) || line.includes(NEW)))
  })

  it('refuses to start with a file that cannot be read, and needs none', () => {
    assert.throws(() => watchApiKeys(join(folder, 'missing'), log), { code: 'configuration_invalid', message: /cannot be read/ })
    assert.equal(watchApiKeys('', log).keys.areRequired, false)
  })
})
