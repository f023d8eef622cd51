import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { neededLibraries, type ReadAt } from '../../src/provider/elf.ts'
import { BINDING_FOLDER } from '../../src/provider/provider-info.ts'

const readerOf =
  (bytes: Buffer): ReadAt =>
  (offset, length) =>
    bytes.subarray(offset, offset + length)

/**
 * A library that needs others: header, two segments, the dynamic section and its strings, loaded at offset + 0x1000.
 */
function library(names: readonly string[]): Buffer {
  const strings = Buffer.from(`\0${names.map((name) => `${name}\0`).join('')}`)
  const dynamicAt = 64 + 2 * 56
  const entries: [bigint, bigint][] = [
    ...names.map((name): [bigint, bigint] => [1n, BigInt(strings.indexOf(name))]),
    [5n, BigInt(0x1000 + dynamicAt + (names.length + 3) * 16)],
    [10n, BigInt(strings.length)],
    [0n, 0n]
  ]
  const file = Buffer.alloc(dynamicAt + entries.length * 16 + strings.length)
  file.write('\x7fELF\x02\x01\x01', 'latin1')
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(2, 56)
  const segment = (at: number, type: number, offset: number, size: number): void => {
    file.writeUInt32LE(type, at)
    file.writeBigUInt64LE(BigInt(offset), at + 8)
    file.writeBigUInt64LE(BigInt(0x1000 + offset), at + 16)
    file.writeBigUInt64LE(BigInt(size), at + 32)
  }
  segment(64, 1, 0, file.length)
  segment(64 + 56, 2, dynamicAt, entries.length * 16)
  for (const [i, [tag, value]] of entries.entries()) {
    file.writeBigInt64LE(tag, dynamicAt + i * 16)
    file.writeBigUInt64LE(value, dynamicAt + i * 16 + 8)
  }
  strings.copy(file, dynamicAt + entries.length * 16)
  return file
}

describe('neededLibraries', () => {
  it('gives the names in file order', () => {
    const names = ['libcublas.so.13', 'libcuda.so.1', 'libc.so.6']
    assert.deepEqual(neededLibraries(readerOf(library(names))), names)
    assert.deepEqual(neededLibraries(readerOf(library([]))), [])
  })

  it("agrees with readelf on onnxruntime's own library", { skip: process.platform !== 'linux' }, (t) => {
    const path = join(BINDING_FOLDER, 'libonnxruntime.so.1')
    let printed: string
    try {
      printed = execFileSync('readelf', ['--dynamic', path], { encoding: 'utf8' })
    } catch {
      t.skip('there is no readelf')
      return
    }
    const names = [...printed.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name)
    assert.ok(names.length > 2)
    assert.deepEqual(neededLibraries(readerOf(readFileSync(path))), names)
  })

  it('is null for a file that is not 64-bit little-endian ELF', () => {
    const [wrongClass, bigEndian] = [library(['a']), library(['a'])]
    wrongClass[4] = 1
    bigEndian[5] = 2
    for (const bytes of [Buffer.of(), Buffer.from('#!/bin/sh'), Buffer.alloc(100), wrongClass, bigEndian]) assert.equal(neededLibraries(readerOf(bytes)), null)
  })

  it('is null for a truncated library', () => {
    const complete = library(['libcublas.so.13', 'libcuda.so.1'])
    for (let length = 64; length < complete.length; length++) assert.equal(neededLibraries(readerOf(complete.subarray(0, length))), null, `${length} bytes`)
  })

  it('ends with a result or a RangeError on a damaged file', () => {
    const complete = library(['libc.so.6'])
    fc.assert(
      fc.property(fc.nat(complete.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(complete)
        damaged[at] = byte
        try {
          neededLibraries(readerOf(damaged))
        } catch (error) {
          assert.ok(error instanceof RangeError)
        }
      }),
      { numRuns: 500 }
    )
  })
})
