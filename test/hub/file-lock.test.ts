import assert from 'node:assert/strict'
import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { lockFile } from '../../src/hub/file-lock.ts'
import { tempFolder } from '../support/temp-folder.ts'

const never = new AbortController().signal
const unexpected = (): void => assert.fail('it waited')

describe('lockFile', () => {
  test('has one holder at a time, and leaves no files', async (t) => {
    const path = join(tempFolder(t), 'locks', 'a.lock')
    let holders = 0
    let most = 0
    let waits = 0
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const release = await lockFile(path, never, () => waits++)
        most = Math.max(most, ++holders)
        await new Promise((resolve) => setTimeout(resolve, 5))
        holders--
        await release()
      })
    )
    assert.deepEqual([most, waits, existsSync(path)], [1, 4, false])
  })

  test('takes over at once from an ended process on this host', async (t) => {
    // No process has the highest possible pid.
    const path = join(tempFolder(t, { 'a.lock': `${hostname()} 4194304 x` }), 'a.lock')
    await (await lockFile(path, never, unexpected))()
    assert.ok(!existsSync(path))
  })

  test('takes over from a holder on another host without heartbeats', async (t) => {
    const path = join(tempFolder(t, { 'a.lock': 'elsewhere 1 x' }), 'a.lock')
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(path, longAgo, longAgo)
    await (await lockFile(path, never, unexpected))()
  })

  test('waits for a holder on another host with heartbeats, until aborted', async (t) => {
    const path = join(tempFolder(t, { 'a.lock': 'elsewhere 1 x' }), 'a.lock')
    const stop = new AbortController()
    await assert.rejects(
      lockFile(path, stop.signal, () => stop.abort()),
      { name: 'AbortError' }
    )
    assert.ok(existsSync(path))
  })

  test('does not remove a lock that another holder has taken over', async (t) => {
    const path = join(tempFolder(t), 'a.lock')
    const release = await lockFile(path, never, unexpected)
    writeFileSync(path, 'elsewhere 1 x')
    await release()
    assert.ok(existsSync(path))
  })
})
