import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { feedMakers, passFeeds } from '../../../src/engine/process/feeds.ts'
import { InferenceSession, type Tensor } from '../../../src/engine/process/onnxruntime.ts'
import { plainPass } from '../../../src/engine/process/pass.ts'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import { findHead } from '../../../src/model/onnx/find-head.ts'
import { wholeTensorQuantizers } from '../../../src/model/onnx/numerics.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { referenceScores } from '../../support/reference-scores.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { effectsOf, type Texts } from '../effects.ts'
import { difference, EMBEDDED_FOLDER, load, logProbsOf, sampleIds } from '../measure.ts'
import { type Int8Options, writeDynamicInt8Model } from './dynamic-int8.ts'

const VARIANTS: Readonly<Record<string, Int8Options>> = {
  int8: {},
  'int8 with a float32 head': { head: false },
  'int8 with a scale a column': { perChannel: true },
  uint8: { weights: 'uint8' },
  'uint8 with a scale a column': { weights: 'uint8', perChannel: true }
}
/** In each of 6 layers, seven products read four tensors: query, key and value read the same one, as do gate and up. */
const QUANTIZED_INPUTS = 6 * 4

describe('the embedded model in dynamic int8', () => {
  let texts: Texts
  before(async () => {
    const ids = await sampleIds()
    const text = ids.slice(0, 100)
    texts = { text, neighbour: ids.slice(40), healthy: (await logProbsOf(await load(EMBEDDED_FOLDER), text))[0]! }
  })

  for (const [name, options] of Object.entries(VARIANTS)) {
    it(`${name}: is close to float32, and a token's score depends on later tokens and on other sequences`, async (t) => {
      const folder = tempFolder(t)
      writeDynamicInt8Model(EMBEDDED_FOLDER, folder, options)
      const model = await load(folder)
      const effects = await effectsOf(model, texts)

      assert.equal(wholeTensorQuantizers(model.original).length, QUANTIZED_INPUTS + (options.head === false ? 0 : 1))
      // 0.1 where sums of products are exact, 0.24 with int8 columns on processors where they saturate.
      assert.ok(effects.fromHealthy.mean > 1e-2 && effects.fromHealthy.mean < 0.5, JSON.stringify(effects))
      assert.ok(effects.withoutEnd.max > 0.05 && effects.together.max > 0.05, JSON.stringify(effects))
    })
  }

  it('is named and opened as q8, without the known answers of the float32 model', (t) => {
    const folder = tempFolder(t)
    writeDynamicInt8Model(EMBEDDED_FOLDER, folder)
    assert.equal(openModelFolder(folder).dtype, 'q8')
    assert.equal(existsSync(join(folder, 'canary.json')), false)
  })

  it('can claim float32, with known answers that it does not reproduce', (t) => {
    const folder = tempFolder(t)
    writeDynamicInt8Model(EMBEDDED_FOLDER, folder, { file: 'model.onnx', canary: true })
    assert.deepEqual([openModelFolder(folder).dtype, existsSync(join(folder, 'canary.json'))], ['fp32', true])
  })

  it('has a quantized head only if requested', (t) => {
    const [quantized, plain] = [tempFolder(t), tempFolder(t)]
    writeDynamicInt8Model(EMBEDDED_FOLDER, quantized)
    writeDynamicInt8Model(EMBEDDED_FOLDER, plain, { head: false })
    const headOf = (folder: string): string[] => findHead(readOnnx(openModelFolder(folder).onnxPath)).nodes.map(({ opType }) => opType)
    assert.deepEqual([headOf(quantized), headOf(plain)], [['MatMulInteger', 'Cast', 'Mul'], ['MatMul']])
  })

  it('has the same log-probabilities in the scoring graph as in its own graph, within 1e-5', async (t) => {
    const folder = tempFolder(t)
    writeDynamicInt8Model(EMBEDDED_FOLDER, folder)
    const { onnxPath, headSize, vocabSize } = openModelFolder(folder)
    const ids = texts.text
    const batch = { sequences: [{ ids: Int32Array.from(ids), firstScored: 1 }], topCount: null }
    const makers = feedMakers(readOnnx(onnxPath).inputs, { headSize, keyValueHeads: 0 })
    const { feeds } = passFeeds(makers, plainPass(batch.sequences), batch, { maxChunkRows: 1, maxProbedRows: 0 })
    const own = Object.entries(feeds).filter(([name]) => makers.has(name))

    const session = await InferenceSession.create(onnxPath, { intraOpNumThreads: 1, logSeverityLevel: 4, extra: { session: { x64quantprecision: '1' } } })
    const outputs = await session.run(Object.fromEntries(own) as Record<string, Tensor>, ['logits'])
    const logits = outputs.logits!.data as Float32Array
    const expected = ids.slice(1).map((id, i) => referenceScores(Array.from(logits.subarray(i * vocabSize, (i + 1) * vocabSize)), id).logProb)
    const [actual] = await logProbsOf(await load(folder), ids)
    assert.ok(difference(actual!, expected).max <= 1e-5, `${difference(actual!, expected).max}`)
  })
})
