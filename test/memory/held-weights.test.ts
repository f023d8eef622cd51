import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { heldWeights } from '../../src/memory/held-weights.ts'
import { buildNode } from '../../src/model/onnx/build-node.ts'
import { FLOAT, FLOAT16 } from '../../src/model/onnx/data-types.ts'
import type { Initializer } from '../../src/model/onnx/graph.ts'

const COUNT = 1 << 20
const weight = (name: string, dataType: number): Initializer => ({ name, dims: [1024, 1024], dataType, location: 'data', value: { offset: 0, length: 0 } })
const product = buildNode('MatMul', ['x', 'w'], ['y'])
const rows = buildNode('Gather', ['w', 'ids'], ['z'])

describe('heldWeights', () => {
  test('a matrix of a product is repacked into the process, and its mapped pages are released', () => {
    assert.deepEqual(heldWeights({ nodes: [product], initializers: [weight('w', FLOAT)] }), {
      heldBytes: 4 * COUNT,
      mappedBytes: 0,
      largestHeldBytes: 4 * COUNT
    })
  })

  test('an embedding stays mapped', () => {
    assert.deepEqual(heldWeights({ nodes: [rows], initializers: [weight('w', FLOAT)] }), { heldBytes: 0, mappedBytes: 4 * COUNT, largestHeldBytes: 0 })
  })

  test('a weight that is both embedding and factor is held and mapped', () => {
    const { heldBytes, mappedBytes } = heldWeights({ nodes: [rows, product], initializers: [weight('w', FLOAT)] })

    assert.deepEqual([heldBytes, mappedBytes], [4 * COUNT, 4 * COUNT])
  })

  test('float16 becomes float32 for a product and stays float16 for an embedding', () => {
    assert.equal(heldWeights({ nodes: [product], initializers: [weight('w', FLOAT16)] }).heldBytes, 4 * COUNT)
    assert.equal(heldWeights({ nodes: [rows], initializers: [weight('w', FLOAT16)] }).mappedBytes, 2 * COUNT)
  })
})
