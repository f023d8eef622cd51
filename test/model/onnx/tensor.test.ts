import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BOOL, FLOAT, FLOAT16, INT32, INT64 } from '../../../src/model/onnx/data-types.ts'
import { numbersOfTensor, readTensor, writeTensor } from '../../../src/model/onnx/tensor.ts'
import { sourceOfBytes, writeBytes, writeInteger } from '../../../src/model/onnx/wire.ts'

const header = { name: 'w', dims: [2, 3], dataType: FLOAT }

describe('readTensor', () => {
  it('locates elements inside the tensor, from the start of the source', () => {
    const before = Buffer.alloc(7)
    const encoded = writeTensor(header, Uint8Array.of(1, 2, 3))
    const source = sourceOfBytes(Buffer.concat([before, encoded]))
    const { name, dims, dataType, storage } = readTensor(source, { start: 7, end: source.sizeBytes })
    assert.deepEqual([name, dims, dataType], ['w', [2n, 3n], FLOAT])
    assert.ok(storage.kind === 'raw')
    assert.deepEqual([...source.read(storage.offset, storage.length)], [1, 2, 3])
  })

  it('reads back the place of elements in a data file', () => {
    const encoded = writeTensor(header, { location: 'a.data', offset: 4096, length: 24 })
    assert.deepEqual(readTensor(sourceOfBytes(encoded)).storage, { kind: 'external', location: 'a.data', offset: '4096', length: '24' })
  })

  it('distinguishes elements in the field of their type from no elements', () => {
    const typed = writeBytes(7, Uint8Array.of(1, 2))
    assert.equal(readTensor(sourceOfBytes(typed)).storage.kind, 'typed')
    assert.equal(readTensor(sourceOfBytes(new Uint8Array(0))).storage.kind, 'none')
  })
})

describe('numbersOfTensor', () => {
  const raw = (dataType: number, { buffer }: ArrayBufferView): Uint8Array =>
    writeTensor({ name: '', dims: [2], dataType }, new Uint8Array(buffer as ArrayBuffer))
  const typed = (dataType: number, field: number, ...values: number[]): Uint8Array =>
    Buffer.concat([writeInteger(2, dataType), ...values.map((value) => writeInteger(field, value))])

  const CASES: readonly [string, Uint8Array, readonly number[] | null][] = [
    ['int64 as bytes', raw(INT64, BigInt64Array.of(-1n, 2n)), [-1, 2]],
    ['int32 as bytes', raw(INT32, Int32Array.of(-1, 2)), [-1, 2]],
    ['float32 as bytes', raw(FLOAT, Float32Array.of(0.5, -2)), [0.5, -2]],
    ['booleans as bytes', raw(BOOL, Uint8Array.of(1, 0)), [1, 0]],
    ['int64_data', typed(INT64, 7, -1, 2), [-1, 2]],
    ['int32_data', typed(INT32, 5, -1, 2), [-1, 2]],
    ['no elements', typed(INT64, 7), []],
    ['another type', raw(FLOAT16, Uint16Array.of(1, 2)), null],
    ['float_data', Buffer.concat([writeInteger(2, FLOAT), writeBytes(4, new Uint8Array(8))]), null],
    ['a data file', writeTensor(header, { location: 'a.data', offset: 0, length: 24 }), null]
  ]
  for (const [what, encoded, expected] of CASES) it(`reads ${what}`, () => assert.deepEqual(numbersOfTensor(encoded), expected))
})
