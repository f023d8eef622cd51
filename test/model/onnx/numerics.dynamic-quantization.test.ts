import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import type { OnnxNode } from '../../../src/model/onnx/graph.ts'
import { wholeTensorQuantizers } from '../../../src/model/onnx/numerics.ts'
import { writeBytes } from '../../../src/model/onnx/wire.ts'
import { writeGraph } from '../../../src/model/onnx/write.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'

const quantize = (tag: string): OnnxNode => buildNode('DynamicQuantizeLinear', ['a'], [`${tag}.q`, `${tag}.s`, `${tag}.z`])
const named = (...tags: string[]): { opType: string; name: string }[] =>
  tags.map((tag) => ({ opType: 'DynamicQuantizeLinear', name: `${tag}.q/DynamicQuantizeLinear` }))
const subgraph = (...nodes: OnnxNode[]): Uint8Array => writeGraph('branch', { nodes, initializers: [], inputs: [], outputs: [info('b')] })
const encodedNode = (node: OnnxNode): Uint8Array =>
  writeBytes(7, [
    writeBytes(1, present(node.inputs[0])),
    writeBytes(2, present(node.outputs[0])),
    writeBytes(3, node.name),
    writeBytes(4, node.opType),
    writeBytes(7, node.domain)
  ])
const functionOf = (name: string, ...nodes: OnnxNode[]): Uint8Array => Buffer.concat([writeBytes(1, name), ...nodes.map(encodedNode), writeBytes(10, 'local')])
const call = (name: string): OnnxNode => ({ ...buildNode(name, ['a'], ['b']), domain: 'local' })

describe('wholeTensorQuantizers', () => {
  for (const opType of ['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM']) {
    it(`lists ${opType} with its name`, () => {
      const graph = graphOf({ nodes: [buildNode('MatMul', ['a', 'b'], ['c']), buildNode(opType, ['a'], ['y'])] })
      assert.deepEqual(wholeTensorQuantizers(graph), [{ opType, name: `y/${opType}` }])
    })
  }

  it('lists none of a graph that quantizes weights, or activations row by row', () => {
    const nodes = ['MatMul', 'MatMulNBits', 'MatMulBnb4', 'DequantizeLinear', 'QuantizeLinear', 'GatherBlockQuantized'].map((opType) =>
      buildNode(opType, ['a'], [opType])
    )
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes })), [])
  })

  it('counts one quantization once, however many integer products it feeds', () => {
    const products = ['x', 'y'].map((output) => buildNode('MatMulIntegerToFloat', ['one.q', 'w', 'one.s'], [output]))
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes: [quantize('one'), ...products] })), named('one'))
  })

  it('looks into branches, and into branches of branches', () => {
    const inner = buildNode('If', ['f'], ['b'], { attributes: { then_branch: subgraph(quantize('deep')), else_branch: subgraph() } })
    const outer = buildNode('If', ['f'], ['b'], { attributes: { then_branch: subgraph(inner, quantize('then')), else_branch: subgraph(quantize('else')) } })
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes: [outer] })), named('deep', 'then', 'else'))
  })

  it('counts what a called function does at every call, and a function that nobody calls not at all', () => {
    const functions = [functionOf('Outer', call('Inner')), functionOf('Inner', quantize('inner')), functionOf('Unused', quantize('unused'))]
    const nodes = [call('Outer'), call('Inner')]
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes, functions })), named('inner', 'inner'))
  })

  it('ends on a function that calls itself', () => {
    const functions = [functionOf('Loop', call('Loop'), quantize('one'))]
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes: [call('Loop')], functions })), named('one'))
  })
})
