import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { parseSums, renderSums, type Sum, verifySums } from '../../src/model/manifest.ts'
import { tempFolder } from '../support/temp-folder.ts'

const A = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const B = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const STRANGE = ['a b', 'back\\slash', 'line\nbreak', 'carriage\rreturn', ' leading', 'ünï']

describe('SHA256SUMS', () => {
  it('is read back as it was written, with any names', () => {
    const sums = STRANGE.map((file, i): Sum => ({ file, sha256: i % 2 === 0 ? A : B }))
    assert.deepEqual(parseSums(renderSums(sums)), sums)
  })

  for (const options of [[], ['--binary'], ['--tag']]) {
    it(`is read as sha256sum ${options.join(' ')} writes it`, (t) => {
      const folder = tempFolder(t, Object.fromEntries(STRANGE.map((file) => [file, 'abc'])))
      const written = execFileSync('sha256sum', [...options, '--', ...STRANGE], { cwd: folder, encoding: 'utf8' })
      assert.deepEqual(
        parseSums(written),
        STRANGE.map((file) => ({ file, sha256: A }))
      )
    })
  }

  it('is written in the format of sha256sum --check', (t) => {
    const folder = tempFolder(t, Object.fromEntries(STRANGE.map((file) => [file, 'abc'])))
    execFileSync('sha256sum', ['--check', '--strict', '-'], { cwd: folder, input: renderSums(STRANGE.map((file) => ({ file, sha256: A }))) })
  })

  it('may have comments, blank lines, capitals and ./ before names', () => {
    assert.deepEqual(parseSums(`# files\n\n${A.toUpperCase()}  ./x/y\r\n`), [{ file: 'x/y', sha256: A }])
  })

  for (const line of ['model.onnx', `${A.slice(1)}  x`, `${A} x`, `${A}  `, `${A}`]) {
    it(`with the line ${JSON.stringify(line)} is refused by the line's number`, () => {
      assert.throws(() => parseSums(`${B}  y\n${line}\n`), { code: 'model_invalid', message: /^line 2 of SHA256SUMS/ })
    })
  }
})

describe('verifySums', () => {
  it('finds nothing to compare where there is no SHA256SUMS', async (t) => assert.equal(await verifySums(tempFolder(t), []), null))

  it('uses known hashes instead of reading the file', async (t) => {
    const folder = tempFolder(t, { SHA256SUMS: `${B}  x\n`, x: 'abc' })
    await assert.rejects(verifySums(folder, []), { code: 'model_invalid', message: /^x has SHA-256 ba7816bf/ })
    assert.equal((await verifySums(folder, [{ file: 'x', sha256: B, sizeBytes: 3, identity: '' }]))?.file, 'SHA256SUMS')
  })

  for (const name of ['../x', '/etc/passwd', 'https://example.org/x'])
    it(`refuses one that lists ${name}`, async (t) => {
      await assert.rejects(verifySums(tempFolder(t, { SHA256SUMS: `${A}  ${name}\n` }), []), { code: 'model_invalid', message: /only files of its own folder/ })
    })
})
