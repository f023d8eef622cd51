import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sharableGraph } from '../../../../src/engine/process/sharing/sharable-graph.ts'
import type { SharingLimits } from '../../../../src/engine/protocol.ts'
import { openModel } from '../../../../src/model/open-model.ts'
import { modelFixture } from '../../../support/model-fixture.ts'
import { present } from '../../../support/present.ts'

const ALL: SharingLimits = { packing: true, prefixCacheBytes: 1 << 20, maxAttentionBytes: 1 << 20, slidingWindow: null, heads: 4 }
const sharableOf = (name: string, limits: Partial<SharingLimits> = {}, dtype = 'auto') =>
  sharableGraph(openModel(modelFixture(name), { dtype }).graph, { ...ALL, ...limits })

describe('sharableGraph', () => {
  it('adds cache outputs and an attention bias when the model supports them', () => {
    const { graph, pairs, takesBias, packing, prefixCache, attentionHeads } = sharableOf('llama')
    assert.ok(packing.isOn && prefixCache.isOn && takesBias)
    assert.deepEqual(
      pairs.map(({ present }) => graph.outputs.some(({ name }) => name === present)),
      pairs.map(() => true)
    )
    assert.equal(attentionHeads, 4)
  })

  it('adds nothing that the limits switch off', () => {
    const { graph, pairs, takesBias, packing, prefixCache } = sharableOf('llama', { packing: false, prefixCacheBytes: 0 })
    assert.deepEqual([pairs, takesBias, packing.reason, prefixCache.reason], [[], false, '--packing false', '--prefix-cache-bytes 0'])
    assert.ok(graph.outputs.every(({ name }) => !name.startsWith('present')))
  })

  it('caches prefixes but packs nothing when activations are rounded to 8 bits row by row', () => {
    const { packing, prefixCache } = sharableOf('llama-genai-int4')
    assert.ok(prefixCache.isOn)
    assert.match(present(packing.reason), /rounded to 8 bits/)
  })

  it('shares nothing when activations are quantized over whole tensors', () => {
    const { packing, prefixCache } = sharableOf('llama-quantized', {}, 'q8')
    assert.deepEqual([packing.isOn, prefixCache.isOn], [false, false])
  })

  it('gives the reason when attention depends on the distance between columns', () => {
    assert.match(present(sharableOf('falcon-alibi').packing.reason), /positions/)
  })

  it('has no prefix cache when the graph has no past inputs', () => {
    assert.match(present(sharableOf('gpt2-no-past').prefixCache.reason), /past/)
  })

  it('reports the sliding window that bounds a packed row', () => {
    assert.equal(sharableOf('gemma2', { slidingWindow: 24 }).window, 24)
  })
})
