import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withUniqueInitializers } from '../../../src/model/onnx/unique-initializers.ts'
import { writeBytes, writeInteger } from '../../../src/model/onnx/wire.ts'
import { hex } from '../../support/onnx-model.ts'

const tensor = (name: string, value: number): Uint8Array => writeBytes(5, [writeInteger(2, 7), writeBytes(8, name), writeInteger(7, value)])
/** A node whose attribute holds a graph of these fields. */
const nodeWith = (graphField: number, ...graph: readonly Uint8Array[]): Uint8Array =>
  writeBytes(1, [writeBytes(4, 'Scan'), writeBytes(5, [writeBytes(1, 'body'), writeBytes(graphField, graph)])])
const model = (...graph: readonly Uint8Array[]): Uint8Array => Buffer.concat([writeInteger(1, 8), writeBytes(7, graph), writeBytes(8, [writeInteger(2, 17)])])

describe('withUniqueInitializers', () => {
  it('does not change a byte of a model without repetitions', () => {
    const plain = model(tensor('a', 1), nodeWith(6, tensor('a', 2), nodeWith(11, tensor('a', 3), tensor('b', 4))), tensor('b', 5), writeBytes(2, 'main'))
    assert.equal(hex(withUniqueInitializers(plain)), hex(plain))
  })

  it('keeps the last of each name in nested graphs at any depth, beside the same names outside', () => {
    const inner = (...tensors: readonly Uint8Array[]): Uint8Array => nodeWith(11, ...tensors)
    const twice = model(tensor('a', 1), nodeWith(6, tensor('a', 2), tensor('a', 3), inner(tensor('x', 4), tensor('y', 5), tensor('x', 6), tensor('y', 7))))
    const once = model(tensor('a', 1), nodeWith(6, tensor('a', 3), inner(tensor('x', 6), tensor('y', 7))))
    assert.equal(hex(withUniqueInitializers(twice)), hex(once))
  })
})
