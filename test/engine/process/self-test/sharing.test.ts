import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Batch, BatchScores } from '../../../../src/engine/engine.ts'
import type { Sharing } from '../../../../src/engine/engine-info.ts'
import type { Scorer } from '../../../../src/engine/process/self-test/passes.ts'
import { trySharing } from '../../../../src/engine/process/self-test/sharing.ts'
import { FakeModel, naturalIds } from '../../../support/fake-model.ts'

const SHAPE = { vocabSize: 64, textVocabSize: 60 }
const NATURAL = naturalIds(SHAPE, 1, 48)
const TEXTS = { natural: NATURAL, reversed: [1, ...NATURAL.slice(1).reverse()], textVocabSize: 60 }
const TOLERANCE = 1e-4

/** An honest model but for what it says of batches of several sequences, or of a text that it was asked before. */
class SharingModel implements Scorer {
  readonly #model = new FakeModel(SHAPE)
  readonly #faults: { readonly packedNats?: number; readonly cachedNats?: number; readonly keeps?: boolean; readonly breaks?: boolean }
  #asked = 0
  readonly switchedOff: string[] = []
  info: Sharing = { packing: { isOn: true, reason: null }, prefixCache: { isOn: true, reason: null }, longestRow: 512, attentionHeads: 4 }

  constructor(faults: { readonly packedNats?: number; readonly cachedNats?: number; readonly keeps?: boolean; readonly breaks?: boolean } = {}) {
    this.#faults = faults
  }

  switchOff(ability: 'packing' | 'prefixCache'): void {
    this.switchedOff.push(ability)
  }

  forget(): void {
    this.#asked = 0
  }

  async score(batch: Batch): Promise<BatchScores> {
    const scores = await this.#model.score(batch)
    if (batch.layout !== 'shared') return scores
    const { packedNats = 0, cachedNats = 0, keeps = true, breaks = false } = this.#faults
    if (breaks) throw new Error('MultiHeadAttention: past is not empty')
    const isCached = keeps && ++this.#asked > 2
    const wrong = (batch.sequences.length > 2 ? packedNats : 0) + (isCached ? cachedNats : 0)
    return {
      ...scores,
      rows: scores.rows.map((rows) => ({
        ...rows,
        logProbs: rows.logProbs.map((value) => value + wrong),
        work: { computedTokens: 1, cachedTokens: isCached ? 20 : 0 }
      }))
    }
  }
}

const statusesOf = async (model: SharingModel) => (await trySharing(model, model, TEXTS, TOLERANCE)).map(({ id, status }) => [id, status])

describe('trySharing', () => {
  it('passes a model that gives the same numbers', async () => {
    const model = new SharingModel()
    assert.deepEqual(await statusesOf(model), [
      ['packing_invariance', 'pass'],
      ['cache_invariance', 'pass']
    ])
    assert.deepEqual(model.switchedOff, [])
  })

  it('switches packing off when a packed text has other numbers', async () => {
    const model = new SharingModel({ packedNats: 1e-3 })
    assert.deepEqual(await statusesOf(model), [
      ['packing_invariance', 'warn'],
      ['cache_invariance', 'pass']
    ])
    assert.deepEqual(model.switchedOff, ['packing'])
  })

  it('switches the cache off when a text behind a kept prefix has other numbers', async () => {
    const model = new SharingModel({ cachedNats: Number.NaN })
    assert.deepEqual((await statusesOf(model))[1], ['cache_invariance', 'warn'])
    assert.deepEqual(model.switchedOff, ['prefixCache'])
  })

  it('switches off what the runtime cannot do', async () => {
    const model = new SharingModel({ breaks: true })
    const checks = await trySharing(model, model, TEXTS, TOLERANCE)
    assert.deepEqual(model.switchedOff, ['packing', 'prefixCache'])
    assert.match(checks[0]?.message ?? '', /past is not empty/)
  })

  it('does not take a cache for proven that kept nothing', async () => {
    const model = new SharingModel({ keeps: false })
    assert.deepEqual((await statusesOf(model))[1], ['cache_invariance', 'warn'])
  })

  it('says why a model shares nothing, and computes nothing then', async () => {
    const model = new SharingModel()
    const reason = 'positions are computed inside the graph'
    model.info = { ...model.info, packing: { isOn: false, reason }, prefixCache: { isOn: false, reason } }
    const checks = await trySharing(model, model, TEXTS, TOLERANCE)
    assert.deepEqual(
      checks.map(({ status, message }) => [status, message.includes(reason)]),
      [
        ['skipped', true],
        ['skipped', true]
      ]
    )
  })
})
