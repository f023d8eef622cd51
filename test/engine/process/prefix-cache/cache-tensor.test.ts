import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CacheTensor, elementsOf, emptyColumns, joinColumns, rangesOf } from '../../../../src/engine/process/prefix-cache/cache-tensor.ts'

const TENSOR: CacheTensor = { past: 'past.0.key', heads: 2, size: 2, elementBytes: 4 }

describe('joinColumns', () => {
  test('puts stretches of several arrays side by side in every head', () => {
    const wide = Float32Array.from([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16])
    const narrow = Float32Array.from([7, 8, 17, 18])
    const ranges = [
      { source: wide, column: 1, count: 2 },
      { source: narrow, column: 0, count: 1 }
    ]
    const joined = joinColumns(TENSOR, ranges, emptyColumns(TENSOR, 3))
    assert.deepEqual([...joined], [3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 17, 18])
  })

  test('refuses columns behind the end, which would be read from the next head', () => {
    const source = new Float32Array(8)
    assert.throws(() => joinColumns(TENSOR, [{ source, column: 1, count: 2 }], emptyColumns(TENSOR, 2)), { code: 'internal_error' })
    assert.throws(() => joinColumns(TENSOR, [{ source: new Float32Array(7), column: 0, count: 1 }], emptyColumns(TENSOR, 1)), { code: 'internal_error' })
  })
})

describe('elementsOf', () => {
  test('reads two-byte elements by their bits, whatever array has them', () => {
    const bytes = Uint8Array.from([0, 0, 0x00, 0x3c, 0xff, 0xff])
    const halves = new Int16Array(bytes.buffer, 2, 2)
    assert.deepEqual(elementsOf({ ...TENSOR, elementBytes: 2 }, halves), Uint16Array.of(0x3c00, 0xffff))
  })

  test('refuses elements of another size', () => {
    for (const data of [new Float64Array(4), new Uint16Array(4), new Int32Array(4), undefined])
      assert.throws(() => elementsOf(TENSOR, data), { code: 'internal_error', message: /expected 4-byte floats for past\.0\.key/ })
  })
})

describe('rangesOf', () => {
  test('takes neighbours together and keeps the order of the tokens', () => {
    assert.deepEqual(rangesOf(Int32Array.of(3, 4, 5, 9, 2, 3)), [
      { column: 3, count: 3 },
      { column: 9, count: 1 },
      { column: 2, count: 2 }
    ])
    assert.deepEqual(rangesOf(new Int32Array(0)), [])
  })
})
