import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { combinedHash, fileIdentity, hashFiles } from '../../../src/model/weights/file-hashes.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** The example of FIPS 180-2, and the hash of no bytes. */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

describe('hashFiles', () => {
  it('gives name, size, SHA-256 and identity of each file, in order', async (t) => {
    const folder = tempFolder(t, { 'b.bin': 'abc', 'a.bin': '' })
    const paths = [join(folder, 'b.bin'), join(folder, 'a.bin')]
    assert.deepEqual(await hashFiles(paths), [
      { file: 'b.bin', sizeBytes: 3, sha256: ABC, identity: fileIdentity(paths[0]!) },
      { file: 'a.bin', sizeBytes: 0, sha256: NOTHING, identity: fileIdentity(paths[1]!) }
    ])
  })

  it('hashes a file of more than one chunk', async (t) => {
    const bytes = Buffer.alloc((1 << 20) + 1, 'x')
    const [hash] = await hashFiles([join(tempFolder(t, { large: bytes }), 'large')])
    assert.deepEqual([hash!.sizeBytes, hash!.sha256], [bytes.length, createHash('sha256').update(bytes).digest('hex')])
  })

  it('rejects when a file is missing', (t) => assert.rejects(hashFiles([join(tempFolder(t), 'none')]), { code: 'ENOENT' }))
})

describe('combinedHash', () => {
  const file = (name: string, sha256: string): { file: string; sizeBytes: number; sha256: string } => ({ file: name, sizeBytes: 0, sha256 })

  it('is the hash of the file when there is one', () => assert.equal(combinedHash([file('a', ABC)]), ABC))

  it('is the hash of the lines "hash name" of several', () => {
    const lines = `${ABC} a\n${NOTHING} b\n`
    assert.equal(combinedHash([file('a', ABC), file('b', NOTHING)]), createHash('sha256').update(lines).digest('hex'))
  })

  it('changes with the names and the order', () => {
    const hashes = [
      [file('a', ABC), file('b', NOTHING)],
      [file('b', NOTHING), file('a', ABC)],
      [file('a', NOTHING), file('b', ABC)],
      [file('a', ABC), file('c', NOTHING)]
    ].map(combinedHash)
    assert.equal(new Set(hashes).size, 4)
  })
})
