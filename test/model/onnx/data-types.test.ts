import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tensorBytes, tensorType } from '../../../src/model/onnx/data-types.ts'

describe('tensorBytes', () => {
  const SIZES: readonly [string, readonly bigint[], number, bigint | null][] = [
    ['a float32 matrix', [3n, 5n], 1, 60n],
    ['a scalar', [], 7, 8n],
    ['a tensor without elements', [0n, 7n], 1, 0n],
    ['an even number of 4-bit elements', [4n], 21, 2n],
    ['an odd number of 4-bit elements', [3n, 3n], 22, 5n],
    ['2-bit elements', [9n], 25, 3n],
    ['float16', [7n], 10, 14n],
    ['bfloat16', [7n], 16, 14n],
    ['booleans', [7n], 9, 7n],
    ['a product beyond 64 bits', [2n ** 40n, 2n ** 40n], 3, 2n ** 80n],
    ['texts', [2n], 8, null],
    ['a type that does not exist yet', [2n], 99, null]
  ]
  for (const [what, dims, dataType, bytes] of SIZES) it(`of ${what}`, () => assert.equal(tensorBytes(dims, dataType), bytes))

  it('is named with dims and type in messages', () => {
    assert.deepEqual([tensorType([2n, 3n], 1), tensorType([], 99)], ['[2, 3] float32', '[] data type 99'])
  })
})
