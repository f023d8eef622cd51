import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { BOOL, FLOAT, FLOAT16, INT64 } from '../../../src/model/onnx/data-types.ts'
import { elementTypeOf } from '../../../src/model/onnx/element-type.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

const GRAPH = graphOf({
  inputs: [info('ids', INT64), info('flag', BOOL)],
  initializers: [buildFloat('zero', [], [0])],
  nodes: [
    buildNode('Cast', ['ids'], ['half'], { attributes: { to: FLOAT16 } }),
    buildNode('Slice', ['half', 'ids'], ['part']),
    buildNode('Where', ['flag', 'zero', 'part'], ['mask']),
    buildNode('ConstantOfShape', ['ids'], ['filled']),
    buildNode('Shape', ['mask'], ['shape'])
  ]
})

describe('elementTypeOf', () => {
  const CASES: readonly (readonly [string, string, number | null])[] = [
    ['an input', 'ids', INT64],
    ['a weight', 'zero', FLOAT],
    ['what passes a cast on', 'part', FLOAT16],
    ['a choice, by what is chosen', 'mask', FLOAT],
    ['a filled tensor without a value', 'filled', FLOAT],
    ['a shape', 'shape', INT64],
    ['a tensor that nothing makes', 'nowhere', null]
  ]
  for (const [what, name, expected] of CASES)
    it(`tells the type of ${what}`, () => {
      assert.equal(elementTypeOf(GRAPH, name), expected)
    })
})
