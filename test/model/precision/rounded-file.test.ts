import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync, readFileSync, readSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isWhole, writeWhole } from '../../../src/model/precision/rounded-file.ts'
import { present } from '../../support/present.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const CONTENT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

function write(path: string, bytes = CONTENT): void {
  writeWhole(path, ({ writeAt }) => writeAt(0, bytes))
}

describe('a file of the cache', () => {
  it('is whole with the size it was written with, and with no other', (t) => {
    const path = join(tempFolder(t), 'made', 'on the way', 'weights')
    assert.equal(isWhole(path, null), false)
    write(path)
    assert.deepEqual([isWhole(path, CONTENT.length), isWhole(path, null), isWhole(path, CONTENT.length + 1)], [true, true, false])
    assert.deepEqual(readFileSync(path).subarray(0, CONTENT.length), Buffer.from(CONTENT))
  })

  it('has zeros between what was written apart, and takes nothing twice', (t) => {
    const path = join(tempFolder(t), 'weights')
    writeWhole(path, ({ writeAt }) => {
      writeAt(2, Uint8Array.of(9))
      writeAt(5, Uint8Array.of(8))
      assert.throws(() => writeAt(3, Uint8Array.of(7)), RangeError)
    })
    assert.deepEqual([...readFileSync(path).subarray(0, 6)], [0, 0, 9, 0, 0, 8])
  })

  it('is not whole with any of its bytes changed, or cut off', (t) => {
    const path = join(tempFolder(t), 'weights')
    write(path)
    const good = readFileSync(path)
    for (let at = 0; at < good.length; at++) {
      writeFileSync(path, good.with(at, present(good[at]) ^ 1))
      assert.equal(isWhole(path, CONTENT.length), false, `byte ${at}`)
      writeFileSync(path, good.subarray(0, at))
      assert.equal(isWhole(path, null), false, `${at} bytes`)
    }
  })

  it('stays as it is for who has it open when another takes its name', (t) => {
    const path = join(tempFolder(t), 'weights')
    write(path)
    const descriptor = openSync(path, 'r')
    t.after(() => closeSync(descriptor))
    write(path, Uint8Array.of(0))
    const seen = Buffer.alloc(CONTENT.length)
    readSync(descriptor, seen, 0, seen.length, 0)
    assert.deepEqual([...seen], [...CONTENT])
    assert.ok(isWhole(path, 1))
  })

  it('is not there at all, and nothing of it, when it could not be written to its end or must not be kept', (t) => {
    const folder = tempFolder(t)
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const path = join(folder, 'weights')
    const partly = (): void =>
      writeWhole(path, ({ writeAt }) => {
        writeAt(0, CONTENT)
        throw full
      })
    assert.throws(partly, { code: 'cache_failed', message: /is full; make room, or name another folder in XDG_CACHE_HOME/ })
    const refused = new Error('the model changed')
    assert.throws(
      () =>
        writeWhole(
          path,
          ({ writeAt }) => writeAt(0, CONTENT),
          () => {
            throw refused
          }
        ),
      refused
    )
    assert.deepEqual(readdirSync(folder), [])
  })

  it('is written beside those that others are writing, and takes away what was left long ago', (t) => {
    const folder = tempFolder(t, { 'a.part': 'now', 'b.part': 'long ago', c: 'long ago' })
    for (const name of ['b.part', 'c']) utimesSync(join(folder, name), 1, 1)
    write(join(folder, 'weights'))
    assert.deepEqual(readdirSync(folder).sort(), ['a.part', 'c', 'weights'])
  })

  it('says which folder cannot hold it', (t) => {
    const folder = tempFolder(t, { file: '' })
    assert.throws(() => write(join(folder, 'file', 'weights')), { code: 'cache_failed', message: /file: E(?:NOTDIR|EXIST)/ })
  })
})
