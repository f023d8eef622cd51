import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attributeName, attributeOf, floatOf, integerOf } from '../../../src/model/onnx/attributes.ts'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { writeBytes } from '../../../src/model/onnx/wire.ts'

/** AttributeProto { name 1, f 2 }: field 2 of wire type FIXED32 has tag 0x15. */
const alpha = Buffer.concat([writeBytes(1, 'alpha'), Buffer.from([0x15, 0, 0, 0, 0x3f])])
const mode = Buffer.concat([writeBytes(1, 'mode'), writeBytes(4, 'edge')])
const value = Buffer.concat([writeBytes(1, 'value'), writeBytes(5, Uint8Array.of(16, 7))])
const built = buildNode('Test', [], ['y'], { attributes: { axis: -1, axes: [0, -2] } })
const node = { ...built, attributes: [...built.attributes, alpha, mode, value] }

describe('attributeOf', () => {
  it('reads integers, floats, text and tensors by name', () => {
    assert.equal(integerOf(node, 'axis', 0), -1)
    assert.deepEqual(attributeOf(node, 'axes')?.integers, [0, -2])
    assert.equal(floatOf(node, 'alpha', 1), 0.5)
    assert.equal(attributeOf(node, 'mode')?.text, 'edge')
    assert.deepEqual([...(attributeOf(node, 'value')?.tensor ?? [])], [16, 7])
  })

  it('is undefined for an attribute that the node leaves out, and its default holds', () => {
    assert.equal(attributeOf(node, 'other'), undefined)
    assert.deepEqual([integerOf(node, 'other', 3), floatOf(node, 'other', 1.5)], [3, 1.5])
  })

  it('reads a copy of a node with other attributes afresh', () => {
    const copy = { ...node, attributes: node.attributes.filter((encoded) => attributeName(encoded) !== 'axis') }
    assert.deepEqual([integerOf(node, 'axis', 0), integerOf(copy, 'axis', 0)], [-1, 0])
  })
})
