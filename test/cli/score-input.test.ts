import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { sourceOfOperands } from '../../src/cli/score-input.ts'
import { tempFolder } from '../support/temp-folder.ts'

const NEVER = new AbortController().signal

async function linesOf(operands: readonly string[], stdin: Readable = Readable.from([])): Promise<(readonly [string | null, number | null, string])[]> {
  const lines: (readonly [string | null, number | null, string])[] = []
  for await (const { file, number, bytes } of sourceOfOperands(operands, stdin as NodeJS.ReadStream).lines(NEVER)) lines.push([file, number, String(bytes)])
  return lines
}

const folderOf = (t: TestContext, files: Readonly<Record<string, string>>) => {
  const folder = tempFolder(t, files)
  return (name: string): string => join(folder, name)
}

describe('sourceOfOperands', () => {
  it('numbers the lines of each file from 1, blank ones included, and needs no line feed at the end', async (t) => {
    const path = folderOf(t, { a: 'one\n\ntwo\n', b: '\ufeffthree' })
    assert.deepEqual(await linesOf([path('b'), path('a')]), [
      [path('b'), 1, 'three'],
      [path('a'), 1, 'one'],
      [path('a'), 2, ''],
      [path('a'), 3, 'two']
    ])
  })

  it('joins lines and characters that arrive in pieces, and splits at nothing but line feeds', async () => {
    const bytes = Buffer.from('a\u2028b\u0085c\rd\néé\n')
    const pieces = Array.from(bytes, (byte) => Buffer.of(byte))
    assert.deepEqual(await linesOf([], Readable.from(pieces)), [
      [null, 1, 'a\u2028b\u0085c\rd'],
      [null, 2, 'éé']
    ])
  })

  it('expands patterns in order of name, but takes a file with the name of a pattern as it is', async (t) => {
    const path = folderOf(t, { 'b.jsonl': '2', 'a.jsonl': '1', 'sub/c.jsonl': '3', '[ab].jsonl': 'literal' })
    const texts = async (name: string): Promise<string[]> => (await linesOf([path(name)])).map(([, , text]) => text)
    assert.deepEqual(await texts('?.jsonl'), ['1', '2'])
    assert.deepEqual(await texts('**/c.jsonl'), ['3'])
    assert.deepEqual(await texts('[ab].jsonl'), ['literal'])
  })

  it('knows the size of files, and none of standard input', (t) => {
    const path = folderOf(t, { a: '12345', b: '678' })
    const stdin = Readable.from([]) as NodeJS.ReadStream
    assert.equal(sourceOfOperands([path('a'), path('b')], stdin).totalBytes, 8)
    assert.equal(sourceOfOperands([path('a'), '-'], stdin).totalBytes, null)
  })

  it('reads standard input where - stands, and only once', async (t) => {
    const path = folderOf(t, { a: 'file' })
    assert.deepEqual(
      (await linesOf(['-', path('a')], Readable.from([Buffer.from('input')]))).map(([, , text]) => text),
      ['input', 'file']
    )
    assert.throws(() => sourceOfOperands(['-', '-'], Readable.from([]) as NodeJS.ReadStream), { message: /only once/ })
  })

  it('ends early when the signal aborts', async (t) => {
    const path = folderOf(t, { a: 'x\n'.repeat(200_000) })
    const stop = new AbortController()
    let lines = 0
    for await (const _ of sourceOfOperands([path('a'), path('a')], Readable.from([]) as NodeJS.ReadStream).lines(stop.signal)) if (++lines === 10) stop.abort()
    assert.ok(lines < 200_000)
  })
})
