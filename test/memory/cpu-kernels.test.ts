import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inferOutputs, scratchBytes } from '../../src/memory/cpu-kernels.ts'
import { type InferredTensor, tensorInfo } from '../../src/memory/shapes/tensor-info.ts'
import { buildNode } from '../../src/model/onnx/build-node.ts'
import { BOOL, FLOAT, INT64 } from '../../src/model/onnx/data-types.ts'
import { present } from '../support/present.ts'

const integers = (...values: number[]): InferredTensor => tensorInfo(INT64, [values.length], values)
const scalar = (value: number): InferredTensor => tensorInfo(INT64, [], [value])
const floats = (...dims: number[]): InferredTensor => tensorInfo(FLOAT, dims)

function outputs(
  opType: string,
  inputs: readonly (InferredTensor | undefined)[],
  attributes: Record<string, number | readonly number[]> = {},
  outputCount = 1
) {
  const names = Array.from({ length: outputCount }, (_, i) => `y${i}`)
  return inferOutputs(buildNode(opType, [], names, { attributes }), inputs)
}

const CASES: readonly [string, InferredTensor[], Record<string, number | readonly number[]>, number[], (number[] | null)?][] = [
  ['Shape', [floats(2, 7, 5)], { start: 1, end: 2 }, [1], [7]],
  ['Gather', [integers(4, 5, 6), scalar(-1)], { axis: 0 }, [], [6]],
  ['Gather', [floats(100, 8), tensorInfo(INT64, [2, 3])], {}, [2, 3, 8]],
  ['Concat', [integers(1), integers(2, 3)], { axis: 0 }, [3], [1, 2, 3]],
  ['Unsqueeze', [scalar(9), integers(0)], {}, [1], [9]],
  ['Squeeze', [floats(1, 3, 1), integers(-1)], {}, [1, 3]],
  ['Reshape', [floats(2, 6), integers(0, -1, 3)], {}, [2, 2, 3]],
  ['Expand', [floats(1, 3), integers(4, 1)], {}, [4, 3]],
  ['Slice', [floats(2, 10), integers(2), integers(2 ** 40), integers(1)], {}, [2, 8]],
  ['Slice', [integers(1, 2, 3, 4), integers(-1), integers(-5), integers(0), integers(-1)], {}, [4], [4, 3, 2, 1]],
  ['Range', [scalar(1), scalar(7), scalar(2)], {}, [3], [1, 3, 5]],
  ['Where', [tensorInfo(9, [1], [1]), integers(5), integers(6)], {}, [1], [5]],
  ['Mul', [integers(2, 3), scalar(4)], {}, [2], [8, 12]],
  ['Div', [scalar(7), scalar(2)], {}, [], [3]],
  ['Add', [floats(4, 1, 3), floats(5, 1)], {}, [4, 5, 3]],
  ['MatMul', [floats(2, 4, 5, 6), floats(4, 6, 7)], {}, [2, 4, 5, 7]],
  ['Gemm', [floats(5, 6), floats(7, 6)], { transB: 1 }, [5, 7]],
  ['MatMulNBits', [floats(2, 3, 64)], { N: 32, K: 64 }, [2, 3, 32]],
  ['ReduceMean', [floats(2, 3, 4)], { axes: [-1] }, [2, 3, 1]],
  ['ReduceProd', [integers(2, 3)], { keepdims: 0 }, [], [6]],
  ['ArgMax', [floats(3, 9)], { axis: -1 }, [3, 1]],
  ['TopK', [floats(3, 9), integers(2)], {}, [3, 2]],
  ['Transpose', [floats(2, 3, 4, 5)], { perm: [0, 2, 1, 3] }, [2, 4, 3, 5]]
]

describe('inferOutputs', () => {
  for (const [opType, inputs, attributes, dims, values] of CASES)
    test(`${opType} of ${inputs.map(({ dims }) => `[${dims.join()}]`).join(' and ')} is [${dims.join()}]`, () => {
      const [output] = present(outputs(opType, inputs, attributes))

      assert.deepEqual(output?.dims, dims)
      if (values !== undefined) assert.deepEqual(output?.values, values)
    })

  test('Split without sizes makes even parts', () => {
    assert.deepEqual(
      outputs('Split', [floats(2, 9)], { axis: 1 }, 3)?.map(({ dims }) => dims),
      [
        [2, 3],
        [2, 3],
        [2, 3]
      ]
    )
  })

  test('GroupQueryAttention returns the shape of the query, and caches with the number of key-value heads', () => {
    const attributes = { num_heads: 4, kv_num_heads: 2 }

    assert.deepEqual(
      outputs('GroupQueryAttention', [floats(2, 5, 32), floats(2, 5, 16), floats(2, 5, 16)], attributes, 3)?.map(({ dims }) => dims),
      [
        [2, 5, 32],
        [2, 2, 5, 8],
        [2, 2, 5, 8]
      ]
    )
  })

  test('a shape that depends on unknown values, or shapes that do not match, give null', () => {
    assert.equal(outputs('Reshape', [floats(2, 3), tensorInfo(INT64, [2])]), null)
    assert.equal(outputs('Add', [floats(2), floats(3)]), null)
  })
})

describe('scratchBytes', () => {
  const select = buildNode('Where', ['c', 'a', 'b'], ['y'])
  const mask = tensorInfo(BOOL, [2, 1, 5, 5])

  test('Where needs a buffer for each of its two values, broadcast with the condition', () => {
    assert.deepEqual(scratchBytes(select, [mask, floats(2, 8, 5, 5), floats()]), [4 * 2 * 8 * 25, 4 * 2 * 25])
  })

  test('other operators need none', () => {
    assert.deepEqual(scratchBytes(buildNode('Add', ['a', 'b'], ['y']), [floats(5), floats(5)]), [])
  })
})
