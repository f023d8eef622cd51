import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { splitQuantizedProducts } from '../../../src/model/onnx/split-quantized-product.ts'
import { graphOf } from '../../support/onnx-model.ts'

describe('splitQuantizedProducts', () => {
  const fused = { ...buildNode('DynamicQuantizeMatMul', ['a', 'b', 'b_scale', '', 'bias'], ['y']), domain: 'com.microsoft' }

  it('splits a fused product into its quantization and an integer product with the same inputs', () => {
    const [quantize, product] = splitQuantizedProducts(graphOf({ nodes: [fused] })).nodes
    const [q, scale, zeroPoint] = quantize!.outputs

    assert.deepEqual([quantize!.opType, quantize!.domain, quantize!.inputs], ['DynamicQuantizeLinear', '', ['a']])
    assert.deepEqual([product!.opType, product!.domain, product!.outputs], ['MatMulIntegerToFloat', 'com.microsoft', ['y']])
    assert.deepEqual(product!.inputs, [q, 'b', scale, 'b_scale', zeroPoint, '', 'bias'])
  })

  it('does not change other operators', () => {
    const nodes = [buildNode('MatMul', ['a', 'b'], ['y']), buildNode('DynamicQuantizeLinear', ['a'], ['q', 's', 'z'])]
    assert.deepEqual(splitQuantizedProducts(graphOf({ nodes })).nodes, nodes)
  })
})
