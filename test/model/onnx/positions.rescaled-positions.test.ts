import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { rescalesPositions } from '../../../src/model/onnx/positions.ts'
import { graphOf } from '../../support/onnx-model.ts'

describe('rescalesPositions', () => {
  it('finds a search for the largest position, as rotary embeddings that stretch have it', () => {
    const nodes = [buildNode('Cast', ['position_ids'], ['floats']), buildNode('ReduceMax', ['floats'], ['longest'])]
    assert.equal(rescalesPositions(graphOf({ nodes })), true)
  })

  it('does not mind the largest of what positions were looked up in a table for', () => {
    const nodes = [buildNode('Gather', ['table', 'position_ids'], ['angles']), buildNode('ReduceMax', ['angles'], ['largest'])]
    assert.equal(rescalesPositions(graphOf({ nodes })), false)
  })
})
