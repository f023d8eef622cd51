import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { rowChecksums } from '../../../../src/engine/checksum.ts'
import { type Batch, type BatchScores, type RowScores, rowCountOf, type ScoringSequence } from '../../../../src/engine/engine.ts'
import { type LoadedModel, loadModel } from '../../../../src/engine/process/session.ts'
import { openModel } from '../../../../src/model/open-model.ts'
import { modelFixture } from '../../../support/model-fixture.ts'
import { type Random, randomOf } from '../../../support/random.ts'

const BATCHES = 60
/** Rounding of float32, since sums over a packed row are taken in another order. */
const TOLERANCE_NATS = 2e-5
/** Attention scores of about eighty columns: longer texts need several passes. */
const FEW_BYTES = 16 * 4 * 80 * 80

const MODELS = [
  { name: 'llama', packs: true, caches: true, maxAttentionBytes: 1 << 28 },
  { name: 'llama', packs: true, caches: true, maxAttentionBytes: FEW_BYTES },
  { name: 'gpt2-no-past', packs: true, caches: false, maxAttentionBytes: 1 << 28 },
  { name: 'falcon-alibi', packs: false, caches: true, maxAttentionBytes: FEW_BYTES },
  { name: 'gemma2', packs: true, caches: true, maxAttentionBytes: 1 << 28 }
]

for (const { name, packs, caches, maxAttentionBytes } of MODELS) {
  describe(`SharedScoring on ${name} with ${maxAttentionBytes} bytes of attention scores`, () => {
    let model: LoadedModel
    before(async () => {
      const { onnxPath, vocabSize, headSize, keyValueHeads, maxModelLen, slidingWindow } = openModel(modelFixture(name))
      model = await loadModel({
        onnxPath,
        executionProvider: 'cpu',
        threads: 1,
        vocabSize,
        headSize,
        keyValueHeads,
        ceilingNats: 1e-3,
        approximateCeilingNats: 0.5,
        claimsFloat32: true,
        expectedFiles: {},
        memory: { maxModelLen, maxBatchTokens: 2048, longTextTokens: 128, limitBytes: null },
        sharing: { packing: true, prefixCacheBytes: 1 << 20, maxAttentionBytes, slidingWindow, heads: 4 }
      })
    })
    after(() => model.release())

    it('switches on what its graph allows', () => {
      const { packing, prefixCache } = model.sharing.info
      assert.deepEqual([packing.isOn, prefixCache.isOn], [packs, caches])
      assert.deepEqual([packing.reason === null, prefixCache.reason === null], [packs, caches])
    })

    const cachesLongTexts = async (): Promise<void> => {
      const ids = Int32Array.from([0, ...randomOf(7).ids(200)])
      const work = []
      for (let time = 0; time < 3; time++) {
        const { rows } = await model.score({ sequences: [{ ids, firstScored: 1 }], topCount: null, layout: 'shared' })
        assertSame(rows[0]!, await model.score({ sequences: [{ ids, firstScored: 1 }], topCount: null }), { ids, firstScored: 1 })
        work.push(rows[0]!.work)
      }
      assert.deepEqual(
        work.map((each) => each?.cachedTokens),
        [0, 0, 199]
      )
      assert.deepEqual(
        work.map((each) => each?.computedTokens),
        [200, 200, 1]
      )
    }
    if (caches) it('caches a text at its second occurrence, even one that needs several passes', cachesLongTexts)

    const computesPrefixOnce = async (): Promise<void> => {
      const x = [0, ...randomOf(9).ids(60)]
      const batch = (seed: number): Batch => ({
        sequences: [1, 2, 3, 4].map((y) => ({ ids: Int32Array.from([...x, ...randomOf(100 * seed + y).ids(5)]), firstScored: 1 })),
        topCount: null,
        layout: 'shared'
      })
      const computed = async (seed: number): Promise<number> =>
        (await model.score(batch(seed))).rows.reduce((sum, { work }) => sum + (work?.computedTokens ?? 0), 0)
      // x, and of each sequence at most its own tokens and the last one of x.
      assert.ok((await computed(1)) <= 61 + 4 * 6)
      assert.ok((await computed(2)) <= 4 * 6)
    }
    if (caches) it('computes what the sequences of a batch begin with once, and not again for the next batch', computesPrefixOnce)

    it(`gives the scores of the plain pass in ${BATCHES} random batches, whatever was scored before`, async () => {
      const random = randomOf(name.length)
      const prefixes = Array.from({ length: 3 }, () => random.ids(random.between(20, 90)))
      let cachedTokens = 0
      let computedTokens = 0
      let fedTokens = 0
      for (let i = 0; i < BATCHES; i++) {
        const batch = randomBatch(random, prefixes)
        const shared = await model.score({ ...batch, layout: 'shared' })
        for (const [s, sequence] of batch.sequences.entries()) {
          const alone = await model.score({ ...batch, sequences: [sequence] })
          assertSame(shared.rows[s]!, alone, sequence)
          cachedTokens += shared.rows[s]!.work?.cachedTokens ?? 0
          computedTokens += shared.rows[s]!.work?.computedTokens ?? 0
          fedTokens += sequence.ids.length - 1
        }
      }
      assert.ok(computedTokens < fedTokens, `${computedTokens} of ${fedTokens} tokens were computed`)
      assert.equal(cachedTokens > 0, caches, `${cachedTokens} tokens were cached`)
    })
  })
}

/** One to five sequences, most of them with one of the prefixes, scored from any token on. */
function randomBatch(random: Random, prefixes: readonly number[][]): Batch {
  const prefix = random.of(prefixes)
  const topCount = random.of([null, null, 0, 3])
  const sequences = Array.from({ length: random.between(1, 5) }, (): ScoringSequence => {
    const start = random.between(0, 9) === 0 ? [0] : prefix.slice(0, random.of([prefix.length, prefix.length, random.between(1, prefix.length)]))
    const ids = Int32Array.from([...start, ...random.ids(random.between(1, 30))])
    const firstScored = random.of([1, random.between(1, ids.length - 1), ids.length - 1])
    const kind = random.between(0, 9)
    if (kind === 0) return { ids, firstScored, targets: Int32Array.from(random.ids(ids.length - firstScored)) }
    if (kind === 1) return { ids, firstScored, lastTokenCandidates: Int32Array.from(random.ids(3)) }
    return { ids, firstScored }
  })
  return { sequences, topCount }
}

function assertSame(found: RowScores, { rows: [expected] }: BatchScores, sequence: ScoringSequence): void {
  assert.ok(expected !== undefined)
  assert.deepEqual(found.checksums, expected.checksums)
  assert.deepEqual(found.checksums, rowChecksums(sequence))
  assert.equal(found.logProbs.length, rowCountOf(sequence))
  const near = (a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined, what: string): void => {
    assert.equal(a?.length, b?.length, what)
    const difference = Array.from(a ?? []).reduce((most, value, i) => Math.max(most, Math.abs(value - b![i]!)), 0)
    assert.ok(difference <= TOLERANCE_NATS, `${what} differ by ${difference}`)
  }
  near(found.logProbs, expected.logProbs, 'log-probs')
  near(found.logSumExps, expected.logSumExps, 'log-sum-exps')
  near(found.bestLogProbs, expected.bestLogProbs, 'largest log-probs')
  near(found.detail?.entropies, expected.detail?.entropies, 'entropies')
  near(found.detail?.topLogProbs, expected.detail?.topLogProbs, 'top log-probs')
}
