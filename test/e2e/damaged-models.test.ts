import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { after, describe, it, type TestContext } from 'node:test'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { DamagedModel, Outcome } from '../support/damaged-models.ts'
import { externalModelFiles, inlineModelFile } from '../support/external-data.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'

const INTACT = inlineModelFile()
const PARTS = 200
const IDS = Array.from({ length: 40 }, (_, i) => (i * 7) % 60)
const TEXTS = { natural: IDS, reversed: [0, ...IDS.slice(1).reverse()], textVocabSize: 64 }
const CODES = ['model_invalid', 'model_unsupported']

let child: ChildProcess | undefined
after(() => child?.kill('SIGKILL'))

/** The outcome for a damaged model; null when its process died. */
function outcomeOf(damaged: DamagedModel): Promise<Outcome | null> {
  child ??= fork(join(PACKAGE_FOLDER, 'dist', 'test', 'support', 'damaged-models.js'), { serialization: 'advanced', stdio: 'ignore' })
  const asked = child
  return new Promise((resolve) => {
    const ended = (): void => {
      child = undefined
      resolve(null)
    }
    asked.once('exit', ended)
    asked.once('message', (outcome: Outcome) => {
      asked.off('exit', ended)
      resolve(outcome)
    })
    asked.send(damaged)
  })
}

function specIn(t: TestContext, files: Readonly<Record<string, Uint8Array>> = {}): EngineSpec {
  const folder = tempFolder(t, files)
  return {
    onnxPath: join(folder, 'model.onnx'),
    executionProvider: 'cpu',
    threads: 1,
    vocabSize: 64,
    headSize: 1,
    ceilingNats: 1e-3,
    approximateCeilingNats: 0.5,
    claimsFloat32: true,
    expectedFiles: {}
  }
}

/**
 * Asserts that each is rejected with a code or gives the scores of the intact model. Returns the number of rejections.
 */
async function refusedOf(spec: EngineSpec, intact: Uint8Array, damaged: readonly Uint8Array[]): Promise<number> {
  const before = await outcomeOf({ bytes: intact, spec, texts: TEXTS, known: [] })
  assert.equal(before?.code, null, before?.message)
  const first = await outcomeOf({ bytes: intact, spec, texts: TEXTS, known: [{ source: 'stored', ids: IDS, logProbs: IDS.slice(1).map(() => -4) }] })
  assert.equal(first?.code, 'model_invalid')
  const truth = present(before?.logProbs)
  assert.equal(truth.length, IDS.length - 1)
  let refused = 0
  for (const [i, bytes] of damaged.entries()) {
    const outcome = await outcomeOf({ bytes, spec, texts: TEXTS, known: [{ source: 'stored', ids: IDS, logProbs: truth }] })
    assert.notEqual(outcome, null, `damage ${i} ended the process`)
    if (outcome?.code === null) {
      const furthest = Math.max(...truth.map((value, at) => Math.abs(value - present(outcome.logProbs[at]))))
      assert.ok(furthest <= spec.ceilingNats, `damage ${i}: a token differs by ${furthest} nats`)
      continue
    }
    assert.ok(CODES.includes(present(outcome?.code)), `damage ${i}: ${outcome?.code}: ${outcome?.message}`)
    refused++
  }
  return refused
}

describe('a damaged model', () => {
  it(`truncated at any ${PARTS}th of its length is rejected`, async (t) => {
    const cuts = Array.from({ length: PARTS }, (_, i) => INTACT.subarray(0, Math.floor((INTACT.length * i) / PARTS)))
    assert.equal(await refusedOf(specIn(t), INTACT, cuts), PARTS)
  })

  it('with one flipped bit in its graph is rejected or scores correctly', async (t) => {
    const files = externalModelFiles()
    const graph = present(files['model.onnx'])
    // A model without weights consists of its graph alone.
    const turned = Array.from({ length: graph.length }, (_, i) => graph.map((byte, at) => (at === i ? byte ^ (1 << ((i * 5) % 8)) : byte)))
    const refused = await refusedOf(specIn(t, files), graph, turned)
    assert.ok(refused > graph.length / 3, `${refused} of ${graph.length} were refused`)
  })
})
