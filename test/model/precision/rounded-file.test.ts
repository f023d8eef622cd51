import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync, readFileSync, readSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isComplete, writeAtomically } from '../../../src/model/precision/rounded-file.ts'
import { present } from '../../support/present.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const CONTENT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

function write(path: string, bytes = CONTENT): void {
  writeAtomically(path, ({ writeAt }) => writeAt(0, bytes))
}

describe('a cached file', () => {
  it('is complete only with the size that was written', (t) => {
    const path = join(tempFolder(t), 'made', 'on the way', 'weights')
    assert.equal(isComplete(path, null), false)
    write(path)
    assert.deepEqual([isComplete(path, CONTENT.length), isComplete(path, null), isComplete(path, CONTENT.length + 1)], [true, true, false])
    assert.deepEqual(readFileSync(path).subarray(0, CONTENT.length), Buffer.from(CONTENT))
  })

  it('pads gaps with zeros, and refuses to write an offset twice', (t) => {
    const path = join(tempFolder(t), 'weights')
    writeAtomically(path, ({ writeAt }) => {
      writeAt(2, Uint8Array.of(9))
      writeAt(5, Uint8Array.of(8))
      assert.throws(() => writeAt(3, Uint8Array.of(7)), RangeError)
    })
    assert.deepEqual([...readFileSync(path).subarray(0, 6)], [0, 0, 9, 0, 0, 8])
  })

  it('is incomplete with any byte changed or cut off', (t) => {
    const path = join(tempFolder(t), 'weights')
    write(path)
    const good = readFileSync(path)
    for (let at = 0; at < good.length; at++) {
      writeFileSync(path, good.with(at, present(good[at]) ^ 1))
      assert.equal(isComplete(path, CONTENT.length), false, `byte ${at}`)
      writeFileSync(path, good.subarray(0, at))
      assert.equal(isComplete(path, null), false, `${at} bytes`)
    }
  })

  it('stays readable for a process that has it open when it is replaced', (t) => {
    const path = join(tempFolder(t), 'weights')
    write(path)
    const descriptor = openSync(path, 'r')
    t.after(() => closeSync(descriptor))
    write(path, Uint8Array.of(0))
    const seen = Buffer.alloc(CONTENT.length)
    readSync(descriptor, seen, 0, seen.length, 0)
    assert.deepEqual([...seen], [...CONTENT])
    assert.ok(isComplete(path, 1))
  })

  it('does not exist, not even in part, when writing failed or was not confirmed', (t) => {
    const folder = tempFolder(t)
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const path = join(folder, 'weights')
    const partly = (): void =>
      writeAtomically(path, ({ writeAt }) => {
        writeAt(0, CONTENT)
        throw full
      })
    assert.throws(partly, { code: 'cache_failed', message: /is full; free some space, or set XDG_CACHE_HOME to another folder/ })
    const refused = new Error('the model changed')
    assert.throws(
      () =>
        writeAtomically(
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

  it('is written beside other unfinished files, and removes abandoned ones', (t) => {
    const folder = tempFolder(t, { 'a.part': 'now', 'b.part': 'long ago', c: 'long ago' })
    for (const name of ['b.part', 'c']) utimesSync(join(folder, name), 1, 1)
    write(join(folder, 'weights'))
    assert.deepEqual(readdirSync(folder).sort(), ['a.part', 'c', 'weights'])
  })

  it('names the folder that cannot hold it', (t) => {
    const folder = tempFolder(t, { file: '' })
    assert.throws(() => write(join(folder, 'file', 'weights')), { code: 'cache_failed', message: /file: E(?:NOTDIR|EXIST)/ })
  })
})
