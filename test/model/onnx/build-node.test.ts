import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { hex } from '../../support/onnx-model.ts'

// Expected bytes from onnx.proto: AttributeProto { name 1, i 3, g 6, ints 8, type 20 }, TensorProto { dims 1, data_type
// 2, name 8, raw_data 9 }.
describe('buildNode', () => {
  it('names a node after its first output', () => assert.equal(buildNode('Split', ['a'], ['b', 'c']).name, 'b/Split'))

  const ATTRIBUTES: readonly [string, number | readonly number[] | Uint8Array, string][] = [
    ['an integer', 5, '0a0178' + '1805' + 'a00102'],
    ['a negative integer', -1, '0a0178' + '18ffffffffffffffffff01' + 'a00102'],
    ['a list of integers', [1, 2], '0a0178' + '40014002' + 'a00107'],
    ['a subgraph', Uint8Array.of(0x12, 0x01, 0x67), '0a0178' + '3203120167' + 'a00105']
  ]
  for (const [what, value, expected] of ATTRIBUTES) {
    it(`encodes ${what} as an attribute`, () => assert.equal(hex(buildNode('Op', [], ['y'], { attributes: { x: value } }).attributes[0]!), expected))
  }
})

describe('buildInt64 and buildFloat', () => {
  it('encode a tensor inside the graph', () => {
    const integers = buildInt64('n', [2], [1, -1])
    assert.equal(hex(integers.value as Uint8Array), '0802' + '1007' + '42016e' + '4a10' + '0100000000000000' + 'ffffffffffffffff')
    const scalar = buildFloat('f', [], [1.5])
    assert.equal(hex(scalar.value as Uint8Array), '1001' + '420166' + '4a04' + '0000c03f')
    assert.deepEqual([scalar.dims, scalar.dataType, scalar.location], [[], 1, null])
  })
})
