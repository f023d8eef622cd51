import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import type { LoadedModel } from '../../../src/engine/process/session.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { effectsOf, type Kind, kindOf, type Texts } from '../effects.ts'
import { EMBEDDED_FOLDER, load, logProbsOf, sampleIds } from '../measure.ts'
import { GRAPH_FAULTS } from './index.ts'
import { writeMutatedModel } from './write-mutated-model.ts'

/** Difference from the healthy model; of a text without its end; of two texts scored together. */
const EXPECTED: Readonly<Record<string, readonly [Kind, Kind, Kind]>> = {
  'non-causal attention': ['clear', 'clear', 'none'],
  'windowed attention': ['clear', 'none', 'none'],
  'attention mask ignored': ['none', 'none', 'none'],
  'left padding': ['none', 'none', 'none'],
  'left padding, mask ignored': ['none', 'none', 'clear'],
  'positions all zero': ['clear', 'none', 'none'],
  'positions doubled': ['clear', 'none', 'none'],
  'positions wrapped': ['clear', 'none', 'none'],
  'positions continue across sequences': ['none', 'none', 'none'],
  'end token at -inf': ['none', 'none', 'none'],
  'end token at -1e9': ['none', 'none', 'none'],
  'one token favoured': ['clear', 'none', 'none'],
  'temperature applied to logits': ['clear', 'none', 'none'],
  'logits rounded to float16': ['slight', 'none', 'none'],
  'hidden states rounded to float16': ['slight', 'none', 'none'],
  'hidden states rounded to bfloat16': ['slight', 'none', 'none'],
  'vocabulary shifted by one': ['clear', 'none', 'none'],
  'skipped layer': ['clear', 'none', 'none'],
  'rows one position late': ['clear', 'none', 'none'],
  'rows one position early': ['clear', 'clear', 'clear'],
  'rows of a batch swapped': ['none', 'none', 'clear'],
  'NaN in a hidden state': ['not finite', 'not finite', 'not finite']
}
const END_ID = 0

describe('graph faults of the embedded model', () => {
  let texts: Texts
  let healthy: LoadedModel
  before(async () => {
    const ids = await sampleIds()
    const text = ids.slice(0, 60)
    healthy = await load(EMBEDDED_FOLDER)
    texts = { text, neighbour: [0, ...ids.slice(100, 180)], healthy: (await logProbsOf(healthy, text))[0]! }
  })

  it('are exactly those of the table', () => {
    assert.deepEqual(GRAPH_FAULTS.map(({ name }) => name).sort(), Object.keys(EXPECTED).sort())
  })

  async function loadFaulty(t: TestContext, name: string): Promise<LoadedModel> {
    const folder = tempFolder(t)
    writeMutatedModel(EMBEDDED_FOLDER, folder, GRAPH_FAULTS.find((fault) => fault.name === name)!.mutate)
    return load(folder)
  }

  it('leave the model unchanged without a mutation', async (t) => {
    const folder = tempFolder(t)
    writeMutatedModel(EMBEDDED_FOLDER, folder, (graph) => graph)
    assert.deepEqual((await logProbsOf(await load(folder), texts.text))[0], texts.healthy)
  })

  for (const { name } of GRAPH_FAULTS) {
    const [fromHealthy, withoutEnd, together] = EXPECTED[name] ?? []
    it(`${name}: difference from the healthy model ${fromHealthy}, without the end ${withoutEnd}, in a batch ${together}`, async (t) => {
      const effects = await effectsOf(await loadFaulty(t, name), texts)
      const kinds = [kindOf(effects.fromHealthy), kindOf(effects.withoutEnd), kindOf(effects.together)]
      assert.deepEqual(kinds, [fromHealthy, withoutEnd, together], JSON.stringify(effects))
    })
  }

  for (const [name, expected] of [
    ['end token at -inf', Number.NEGATIVE_INFINITY],
    ['end token at -1e9', -1e9]
  ] as const) {
    it(`${name}: the end token's log-probability is ${expected}, which it is not in the healthy model`, async (t) => {
      const ids = [...texts.text, END_ID]
      const endOf = async (model: LoadedModel): Promise<number> => (await logProbsOf(model, ids))[0]!.at(-1)!
      assert.ok((await endOf(healthy)) > -20)
      assert.equal(await endOf(await loadFaulty(t, name)), expected)
    })
  }

  it('NaN in a hidden state: the tokens up to position 7 keep their log-probabilities', async (t) => {
    const [logProbs] = await logProbsOf(await loadFaulty(t, 'NaN in a hidden state'), texts.text)
    const broken = Array.from(logProbs!).flatMap((value, i) => (Number.isNaN(value) ? [i] : []))
    assert.deepEqual(broken, [7])
  })

  it('temperature applied to logits: the log-probabilities are those of the logits divided by 1.3', async (t) => {
    const faulty = await loadFaulty(t, 'temperature applied to logits')
    const score = async (model: LoadedModel): Promise<number> => {
      const { rows } = await model.score({ sequences: [{ ids: Int32Array.from(texts.text), firstScored: 1 }], topCount: null })
      return rows[0]!.logSumExps[0]! + rows[0]!.bestLogProbs[0]!
    }
    assert.ok(Math.abs((await score(healthy)) / (await score(faulty)) - 1.3) < 1e-4)
  })
})
