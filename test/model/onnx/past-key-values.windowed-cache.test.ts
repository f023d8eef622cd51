import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attributeName } from '../../../src/model/onnx/attributes.ts'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { withoutWindowedCaches } from '../../../src/model/onnx/past-key-values.ts'
import { graphOf } from '../../support/onnx-model.ts'

const attention = (attributes: Readonly<Record<string, number>>) => buildNode('GroupQueryAttention', ['q'], ['out'], { attributes })

describe('withoutWindowedCaches', () => {
  it('takes the size of the cache away and leaves the window', () => {
    const encoded = new Uint8Array(3)
    const node = { ...attention({ num_heads: 4, sliding_window_cache: 1, local_window_size: 8 }), encoded }
    const [found] = withoutWindowedCaches(graphOf({ nodes: [node] })).nodes
    assert.deepEqual(found?.attributes.map(attributeName), ['num_heads', 'local_window_size'])
    assert.equal(found?.encoded, null)
  })

  it('leaves every other node as it is', () => {
    const nodes = [attention({ num_heads: 4, local_window_size: 8 }), buildNode('Other', ['out'], ['end'], { attributes: { sliding_window_cache: 1 } })]
    const found = withoutWindowedCaches(graphOf({ nodes })).nodes
    nodes.forEach((node, i) => assert.equal(found[i], node))
  })
})
