import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Batch } from '../../../../src/engine/engine.ts'
import { sessionOptions } from '../../../../src/engine/process/open-session.ts'
import { prepack, readVerdict } from '../../../../src/engine/process/prepacked/prepacked-session.ts'
import { removeStale, unfitFolder } from '../../../../src/engine/process/prepacked/prepacked-weights.ts'
import { loadModel } from '../../../../src/engine/process/session.ts'
import type { EngineSpec } from '../../../../src/engine/protocol.ts'
import { scoringGraph } from '../../../../src/model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../../../src/model/onnx/write.ts'
import { openGraph } from '../../../../src/model/weights/open-graph.ts'
import { PACKAGE_FOLDER } from '../../../../src/process/package-info.ts'
import { overwrite } from '../../../support/file-changes.ts'
import { present } from '../../../support/present.ts'

const onnxPath = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en', 'model.onnx')
const SPEC: EngineSpec = {
  onnxPath,
  executionProvider: 'cpu',
  threads: 1,
  sharesCores: true,
  replicas: 2,
  vocabSize: 4096,
  headSize: 32,
  ceilingNats: 1e-3,
  approximateCeilingNats: 0.5,
  claimsFloat32: true,
  expectedFiles: {}
}
const BATCH: Batch = {
  sequences: [3, 50, 20].map((length) => ({ ids: Int32Array.from({ length }, (_, i) => (i * 271 + length) % 4096), firstScored: 1 })),
  topCount: 5
}

/** On a disk: the system's temporary folder may be an in-memory filesystem. */
function diskFolder(t: TestContext): string {
  const folder = mkdtempSync(join(PACKAGE_FOLDER, 'dist', 'prepacked-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function scoresOf(spec: EngineSpec) {
  const model = await loadModel(spec)
  const { rows } = await model.score(BATCH)
  const { prepackedWeights, changeDetector } = model
  await model.release()
  return { rows, prepackedWeights, changeDetector }
}

const specWith = (folder: string): EngineSpec => ({ ...SPEC, prepacked: { folder, runtimeVersion: 'a' } })

describe('openPrepackedWeights', () => {
  it('gives the scores of own weights bit for bit, when it writes the file and when it finds it', async (t) => {
    const folder = join(diskFolder(t), 'made')
    const own = await scoresOf(SPEC)
    assert.equal(own.prepackedWeights, undefined)
    const written = await scoresOf(specWith(folder))
    const [modelFolder, ...others] = readdirSync(folder)
    assert.deepEqual([written.prepackedWeights, others], [{ isOn: true, reason: null }, []])
    const weights = join(folder, present(modelFolder), 'weights.bin')
    const { ino, size } = statSync(weights)
    // Original and packed weights.
    assert.ok(size > 1.5 * statSync(onnxPath).size)

    const found = await scoresOf(specWith(folder))
    assert.equal(statSync(weights).ino, ino)
    assert.deepEqual([written.rows, found.rows], [own.rows, own.rows])
    assert.equal(found.changeDetector.changedFile(), null)
    overwrite(weights, Buffer.from('X'))
    assert.equal(found.changeDetector.changedFile(), weights)
  })

  it('does not use a file whose bytes changed or that was truncated', async (t) => {
    const folder = diskFolder(t)
    const { rows } = await scoresOf(specWith(folder))
    const weights = join(folder, present(readdirSync(folder)[0]), 'weights.bin')
    overwrite(weights, Buffer.alloc(statSync(weights).size - 8_000_000, 1), 8_000_000)
    const damaged = await scoresOf(specWith(folder))
    assert.equal(damaged.prepackedWeights?.isOn, false)
    assert.match(present(damaged.prepackedWeights?.reason), /different scores than the model; remove that folder/)
    truncateSync(weights, 4096)
    const cut = await scoresOf(specWith(folder))
    assert.match(present(cut.prepackedWeights?.reason), /cannot be loaded .* remove that folder/)
    assert.deepEqual([damaged.rows, cut.rows], [rows, rows])
  })

  it('writes another file for another runtime version and for another number of threads', async (t) => {
    const folder = diskFolder(t)
    for (const spec of [specWith(folder), { ...specWith(folder), threads: 2 }, { ...SPEC, prepacked: { folder, runtimeVersion: 'b' } }])
      assert.equal((await scoresOf(spec)).prepackedWeights?.isOn, true)
    assert.equal(readdirSync(folder).length, 3)
  })

  it('deletes prepacked weights that give different scores, and keeps the verdict', async (t) => {
    const target = join(diskFolder(t), 'target')
    const { graph, folder, located } = openGraph({ onnxPath })
    let passes = 0
    await prepack(target, writeOnnx(located(scoringGraph(graph))), sessionOptions(SPEC, folder), async () => String(++passes))
    assert.deepEqual([passes, readdirSync(target)], [2, ['verdict.json']])
    assert.deepEqual(readVerdict(target), { reason: 'prepacked weights of this model give different scores than the model' })
  })

  it('rejects a folder that others can write to, without space, or that cannot be created', (t) => {
    const folder = diskFolder(t)
    assert.equal(unfitFolder(folder, 1000), null)
    assert.match(present(unfitFolder(folder, 2 ** 60)), /MiB free, but prepacked weights need .* MiB/)
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    assert.match(present(unfitFolder(open, 1)), /is writable by other users/)
    writeFileSync(join(folder, 'file'), '')
    assert.match(present(unfitFolder(join(folder, 'file', 'below'), 1)), /cannot be used/)
  })

  it('removes the partial folder of a process that was killed over an hour ago', (t) => {
    const folder = diskFolder(t)
    for (const name of ['a.12.part', 'b']) mkdirSync(join(folder, name))
    removeStale(folder)
    assert.deepEqual(readdirSync(folder), ['a.12.part', 'b'])
    removeStale(folder, Date.now() + 3_700_000)
    assert.deepEqual(readdirSync(folder), ['b'])
  })
})
