import assert from 'node:assert/strict'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { assertSameContent, FileChangeDetector, type FileSeal } from '../../../src/model/weights/file-change-detector.ts'
import { hashFiles } from '../../../src/model/weights/file-hashes.ts'
import { FILE_CHANGES, overwrite, replaceByCopy, touch } from '../../support/file-changes.ts'
import { present } from '../../support/present.ts'
import { tempFolder } from '../../support/temp-folder.ts'

function files(t: TestContext): readonly [string, string] {
  const folder = tempFolder(t, { a: 'first file', b: 'second file' })
  return [join(folder, 'a'), join(folder, 'b')]
}

describe('FileChangeDetector', () => {
  it('finds nothing while files are only read', (t) => {
    const paths = files(t)
    const guard = new FileChangeDetector(paths)
    for (const path of paths) readFileSync(path)
    assert.equal(guard.changedFile(), null)
  })

  for (const [what, change] of FILE_CHANGES) {
    it(`names a file that was ${what}, again and again`, (t) => {
      const [a, b] = files(t)
      const guard = new FileChangeDetector([a, b])
      change(b)
      assert.deepEqual([guard.changedFile(), guard.changedFile()], [b, b])
      assert.equal(new FileChangeDetector([a, b]).changedFile(), null)
    })
  }

  it('names a file that was added', (t) => {
    const [a] = files(t)
    const missing = `${a}.data`
    const guard = new FileChangeDetector([a, missing])
    assert.equal(guard.changedFile(), null)
    writeFileSync(missing, 'weights')
    assert.equal(guard.changedFile(), missing)
  })

  it('sees through a link to the file behind it', (t) => {
    const [a, b] = files(t)
    const link = `${a}.link`
    symlinkSync(a, link)
    const guard = new FileChangeDetector([link])
    touch(b)
    assert.equal(guard.changedFile(), null)
    rmSync(link)
    symlinkSync(b, link)
    assert.equal(guard.changedFile(), link)
  })
})

describe('assertSameContent', () => {
  const sealsOf = async (...paths: readonly string[]): Promise<Record<string, FileSeal>> =>
    Object.fromEntries((await hashFiles(paths)).map((hash, i) => [paths[i], hash]))

  it('expects nothing before hashes are known', () => assertSameContent({}))

  it('accepts unchanged content in a touched or replaced file', async (t) => {
    const [a, b] = files(t)
    const expected = await sealsOf(a, b)
    touch(a)
    replaceByCopy(b)
    await assertSameContent(expected)
  })

  it('refuses a single changed bit in the last file', async (t) => {
    const [a, b] = files(t)
    const expected = await sealsOf(a, b)
    overwrite(b, Buffer.from('r'))
    await assert.rejects(assertSameContent(expected), { code: 'model_invalid', message: /changed on disk.*start the service again/ })
  })

  it('does not read an untouched file', async (t) => {
    const [a] = files(t)
    const seals = await sealsOf(a)
    // The wrong hash would be reported if the file were read.
    await assertSameContent({ [a]: { identity: present(seals[a]?.identity), sha256: 'not read' } })
  })

  it('refuses a file that was removed', async (t) => {
    const [a, b] = files(t)
    const expected = await sealsOf(a, b)
    rmSync(a)
    await assert.rejects(assertSameContent(expected), { code: 'model_invalid', message: /can no longer be read/ })
  })
})
