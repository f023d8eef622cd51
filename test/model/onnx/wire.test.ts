import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  BYTES,
  bytesOf,
  type Field,
  fieldsOf,
  integersOf,
  sourceOfBytes,
  textOf,
  VARINT,
  WireError,
  writeBytes,
  writeInteger
} from '../../../src/model/onnx/wire.ts'
import { hex } from '../../support/onnx-model.ts'

function fieldsIn(bytes: Uint8Array): Field[] {
  return [...fieldsOf(sourceOfBytes(bytes), 0, bytes.length)]
}

const fieldNumber = fc.integer({ min: 1, max: 2 ** 20 })

describe('wire', () => {
  it('writes the examples of the protobuf specification', () => {
    assert.equal(hex(writeInteger(1, 150)), '089601')
    assert.equal(hex(writeBytes(2, 'testing')), '120774657374696e67')
    assert.equal(hex(writeInteger(1, -2)), '08feffffffffffffffff01')
  })

  it('reads back every signed 64-bit integer', () => {
    fc.assert(
      fc.property(fieldNumber, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (number, value) => {
        const bytes = writeInteger(number, value)
        const [field, ...rest] = fieldsIn(bytes)
        assert.deepEqual(rest, [])
        assert.deepEqual([field!.number, field!.wireType], [number, VARINT])
        assert.deepEqual([...integersOf(sourceOfBytes(bytes), field!)], [value])
      })
    )
  })

  it('reads back bytes of every length', () => {
    fc.assert(
      fc.property(fieldNumber, fc.uint8Array({ maxLength: 300 }), (number, payload) => {
        const bytes = writeBytes(number, payload)
        const [field, ...rest] = fieldsIn(bytes)
        assert.deepEqual(rest, [])
        assert.deepEqual([field!.number, field!.wireType], [number, BYTES])
        assert.equal(hex(bytesOf(sourceOfBytes(bytes), field!)), hex(payload))
      })
    )
  })

  it('reads back well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const bytes = writeBytes(1, text)
        assert.equal(textOf(sourceOfBytes(bytes), fieldsIn(bytes)[0]!), text)
      })
    )
  })

  it('reads a list of integers packed or one field each', () => {
    const packed = writeBytes(8, Buffer.concat([3, 300, 0].map((value) => writeInteger(0, value).subarray(1))))
    assert.deepEqual([...integersOf(sourceOfBytes(packed), fieldsIn(packed)[0]!)], [3n, 300n, 0n])
    const single = Buffer.concat([writeInteger(8, 3), writeInteger(8, -1)])
    assert.deepEqual(
      fieldsIn(single).flatMap((field) => [...integersOf(sourceOfBytes(single), field)]),
      [3n, -1n]
    )
  })

  it('steps over 32-bit and 64-bit fields', () => {
    const bytes = Buffer.concat([Buffer.from('0d01020304', 'hex'), Buffer.from('110102030405060708', 'hex'), writeInteger(3, 7)])
    assert.deepEqual(
      fieldsIn(bytes).map(({ number, start, end, varint }) => ({ number, start, end, varint })),
      [
        { number: 1, start: 1, end: 5, varint: 0n },
        { number: 2, start: 6, end: 14, varint: 0n },
        { number: 3, start: 15, end: 16, varint: 7n }
      ]
    )
  })

  const MALFORMED: readonly [string, string][] = [
    ['a tag that does not end', 'ff'],
    ['a tag of more than five bytes', 'ffffffffffff01'],
    ['a number that does not end', '08ff'],
    ['a number of more than ten bytes', '08ffffffffffffffffffffff01'],
    ['a length without payload', '1205'],
    ['a length past the end of the message', '120574657374'],
    ['a 32-bit field cut off', '0d0102'],
    ['a 64-bit field cut off', '1101020304'],
    ['a group, which ONNX does not have', '0b'],
    ['wire type 7, which does not exist', '0f'],
    ['field 0, which bytes that were never written would be', '0000']
  ]
  for (const [what, bytes] of MALFORMED) {
    it(`refuses ${what}`, () => assert.throws(() => fieldsIn(Buffer.from(bytes, 'hex')), WireError))
  }

  it('throws nothing but WireError on random bytes, and every field lies inside them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          for (const { start, end } of fieldsIn(bytes)) assert.ok(start <= end && end <= bytes.length)
        } catch (error) {
          if (!(error instanceof WireError)) throw error
        }
      })
    )
  })
})
