import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { tempFolder } from '../../support/temp-folder.ts'
import { effectsOf, type Kind, kindOf, type Texts } from '../effects.ts'
import { EMBEDDED_FOLDER, load, logProbsOf, sampleIds } from '../measure.ts'
import { WEIGHT_FAULTS } from './index.ts'

/** Difference from the scores of the healthy model; null if the model must not load. */
const EXPECTED: Readonly<Record<string, Kind | null>> = {
  'noisy weights': 'clear',
  'random weights': 'clear',
  'zeroed tensor': 'clear',
  'flipped exponent bit': 'clear',
  'float16 read as float32': 'clear',
  'swapped bytes': 'not finite',
  'two matrices swapped': 'clear',
  'hole in the file': 'clear',
  'truncated file': null,
  'second half of the file zeroed': null
}

describe('weight faults of the embedded model', () => {
  let texts: Texts
  before(async () => {
    const ids = await sampleIds()
    const text = ids.slice(0, 60)
    texts = { text, neighbour: [0, ...ids.slice(100, 180)], healthy: (await logProbsOf(await load(EMBEDDED_FOLDER), text))[0]! }
  })

  it('are exactly those of the table', () => {
    assert.deepEqual(WEIGHT_FAULTS.map(({ name }) => name).sort(), Object.keys(EXPECTED).sort())
  })

  for (const { name, write } of WEIGHT_FAULTS) {
    const expected = EXPECTED[name]
    if (expected === null) {
      it(`${name}: the model does not load`, async (t) => {
        const folder = tempFolder(t)
        write(EMBEDDED_FOLDER, folder)
        await assert.rejects(load(folder), { code: 'model_invalid' })
      })
      continue
    }
    it(`${name}: scores differ (${expected}) from the healthy model's, but not between a text and its beginning or in a batch`, async (t) => {
      const folder = tempFolder(t)
      write(EMBEDDED_FOLDER, folder)
      const { fromHealthy, withoutEnd, together } = await effectsOf(await load(folder), texts)
      const others = expected === 'not finite' ? expected : 'none'
      assert.deepEqual(
        [kindOf(fromHealthy), kindOf(withoutEnd), kindOf(together)],
        [expected, others, others],
        JSON.stringify({ fromHealthy, withoutEnd, together })
      )
    })
  }

  it('random weights: every token is about as likely as by chance', async (t) => {
    const folder = tempFolder(t)
    WEIGHT_FAULTS.find(({ name }) => name === 'random weights')!.write(EMBEDDED_FOLDER, folder)
    const [logProbs] = await logProbsOf(await load(folder), texts.text)
    const mean = logProbs!.reduce((sum, value) => sum + value, 0) / logProbs!.length
    assert.ok(Math.abs(mean + Math.log(4096)) < 0.5, `mean ${mean}`)
  })

  it('write the same bytes every time', (t) => {
    const [one, other] = [tempFolder(t), tempFolder(t)]
    const { write } = WEIGHT_FAULTS.find(({ name }) => name === 'noisy weights')!
    write(EMBEDDED_FOLDER, one)
    write(EMBEDDED_FOLDER, other)
    assert.ok(readFileSync(join(one, 'model.onnx')).equals(readFileSync(join(other, 'model.onnx'))))
  })
})
