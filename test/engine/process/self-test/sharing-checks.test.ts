import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Batch, BatchScores } from '../../../../src/engine/engine.ts'
import type { Sharing } from '../../../../src/engine/engine-info.ts'
import type { Scorer } from '../../../../src/engine/process/self-test/passes.ts'
import { sharingChecks } from '../../../../src/engine/process/self-test/sharing-checks.ts'
import { FakeModel, naturalIds } from '../../../support/fake-model.ts'
import { present } from '../../../support/present.ts'

const SHAPE = { vocabSize: 64, textVocabSize: 60 }
const NATURAL = naturalIds(SHAPE, 1, 48)
const TEXTS = { natural: NATURAL, reversed: [1, ...NATURAL.slice(1).reverse()], textVocabSize: 60 }
const TOLERANCE = 1e-4

/** A model without faults except, if requested, for packed batches or for texts that it was given before. */
class SharingModel implements Scorer {
  readonly #model = new FakeModel(SHAPE)
  readonly #faults: { readonly packedNats?: number; readonly cachedNats?: number; readonly caches?: boolean; readonly breaks?: boolean }
  #sharedBatches = 0
  readonly switchedOff: string[] = []
  info: Sharing = { packing: { isOn: true, reason: null }, prefixCache: { isOn: true, reason: null }, longestRow: 512, attentionHeads: 4 }

  constructor(faults: { readonly packedNats?: number; readonly cachedNats?: number; readonly caches?: boolean; readonly breaks?: boolean } = {}) {
    this.#faults = faults
  }

  switchOff(ability: 'packing' | 'prefixCache'): void {
    this.switchedOff.push(ability)
  }

  clearCache(): void {
    this.#sharedBatches = 0
  }

  async score(batch: Batch): Promise<BatchScores> {
    const scores = await this.#model.score(batch)
    if (batch.layout !== 'shared') return scores
    const { packedNats = 0, cachedNats = 0, caches = true, breaks = false } = this.#faults
    if (breaks) throw new Error('MultiHeadAttention: past is not empty')
    const isCached = caches && ++this.#sharedBatches > 2
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

const statusesOf = async (model: SharingModel) => (await sharingChecks(model, model, TEXTS, TOLERANCE)).map(({ id, status }) => [id, status])

describe('sharingChecks', () => {
  it('passes a model whose scores agree', async () => {
    const model = new SharingModel()
    assert.deepEqual(await statusesOf(model), [
      ['packing_invariance', 'pass'],
      ['cache_invariance', 'pass']
    ])
    assert.deepEqual(model.switchedOff, [])
  })

  it('switches packing off when the scores of packed texts differ', async () => {
    const model = new SharingModel({ packedNats: 1e-3 })
    assert.deepEqual(await statusesOf(model), [
      ['packing_invariance', 'warn'],
      ['cache_invariance', 'pass']
    ])
    assert.deepEqual(model.switchedOff, ['packing'])
  })

  it('switches the prefix cache off when the scores of a text behind a cached prefix differ', async () => {
    const model = new SharingModel({ cachedNats: Number.NaN })
    assert.deepEqual((await statusesOf(model))[1], ['cache_invariance', 'warn'])
    assert.deepEqual(model.switchedOff, ['prefixCache'])
  })

  it('switches off what the runtime cannot run', async () => {
    const model = new SharingModel({ breaks: true })
    const checks = await sharingChecks(model, model, TEXTS, TOLERANCE)
    assert.deepEqual(model.switchedOff, ['packing', 'prefixCache'])
    assert.match(present(checks[0]?.message), /past is not empty/)
  })

  it('switches the prefix cache off when nothing was cached', async () => {
    const model = new SharingModel({ caches: false })
    assert.deepEqual((await statusesOf(model))[1], ['cache_invariance', 'warn'])
  })

  it('skips abilities that are off and gives their reason', async () => {
    const model = new SharingModel()
    const reason = 'positions are computed inside the graph'
    model.info = { ...model.info, packing: { isOn: false, reason }, prefixCache: { isOn: false, reason } }
    const checks = await sharingChecks(model, model, TEXTS, TOLERANCE)
    assert.deepEqual(
      checks.map(({ status, message }) => [status, message.includes(reason)]),
      [
        ['skipped', true],
        ['skipped', true]
      ]
    )
  })
})
