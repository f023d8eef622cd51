import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Batch } from '../../../../src/engine/engine.ts'
import { sessionOptions } from '../../../../src/engine/process/open-session.ts'
import { prepack, verdictIn } from '../../../../src/engine/process/prepacked/prepacked-session.ts'
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

/** On a disk: the temporary folder may lie in memory. */
function diskFolder(t: TestContext): string {
  const folder = mkdtempSync(join(PACKAGE_FOLDER, 'dist', 'prepared-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function scoresOf(spec: EngineSpec) {
  const model = await loadModel(spec)
  const { rows } = await model.score(BATCH)
  const { sharedWeights, guard } = model
  await model.release()
  return { rows, sharedWeights, guard }
}

const preparedIn = (folder: string): EngineSpec => ({ ...SPEC, prepacked: { folder, runtimeVersion: 'a' } })

describe('weights that engine processes share', () => {
  it('give the numbers of weights of their own, bit for bit, where they are written and where they are found', async (t) => {
    const folder = join(diskFolder(t), 'made')
    const own = await scoresOf(SPEC)
    assert.equal(own.sharedWeights, undefined)
    const written = await scoresOf(preparedIn(folder))
    const [place, ...others] = readdirSync(folder)
    assert.deepEqual([written.sharedWeights, others], [{ isOn: true, reason: null }, []])
    const weights = join(folder, present(place), 'weights.bin')
    const { ino, size } = statSync(weights)
    // Raw and packed.
    assert.ok(size > 1.5 * statSync(onnxPath).size)

    const found = await scoresOf(preparedIn(folder))
    assert.equal(statSync(weights).ino, ino)
    assert.deepEqual([written.rows, found.rows], [own.rows, own.rows])
    assert.equal(found.guard.changedFile(), null)
    overwrite(weights, Buffer.from('X'))
    assert.equal(found.guard.changedFile(), weights)
  })

  it('are not used once their bytes are others, nor when the file is cut short', async (t) => {
    const folder = diskFolder(t)
    const { rows } = await scoresOf(preparedIn(folder))
    const weights = join(folder, present(readdirSync(folder)[0]), 'weights.bin')
    overwrite(weights, Buffer.alloc(statSync(weights).size - 8_000_000, 1), 8_000_000)
    const damaged = await scoresOf(preparedIn(folder))
    assert.equal(damaged.sharedWeights?.isOn, false)
    assert.match(present(damaged.sharedWeights?.reason), /other numbers than those of the model; remove that folder/)
    truncateSync(weights, 4096)
    const cut = await scoresOf(preparedIn(folder))
    assert.match(present(cut.sharedWeights?.reason), /cannot be loaded .* remove that folder/)
    assert.deepEqual([damaged.rows, cut.rows], [rows, rows])
  })

  it('are written anew for another runtime and for another number of threads', async (t) => {
    const folder = diskFolder(t)
    for (const spec of [preparedIn(folder), { ...preparedIn(folder), threads: 2 }, { ...SPEC, prepacked: { folder, runtimeVersion: 'b' } }])
      assert.equal((await scoresOf(spec)).sharedWeights?.isOn, true)
    assert.equal(readdirSync(folder).length, 3)
  })

  it('are not kept when a session on them answers otherwise, which is not tried again', async (t) => {
    const place = join(diskFolder(t), 'place')
    const { graph, folder, located } = openGraph({ onnxPath })
    let passes = 0
    await prepack(place, writeOnnx(located(scoringGraph(graph))), sessionOptions(SPEC, folder), async () => String(++passes))
    assert.deepEqual([passes, readdirSync(place)], [2, ['verdict.json']])
    assert.deepEqual(verdictIn(place), { reason: 'prepared weights of this model give other numbers than the model itself' })
  })

  it('are not written where others can write, where there is no room, or where no folder can be', (t) => {
    const folder = diskFolder(t)
    assert.equal(unfitFolder(folder, 1000), null)
    assert.match(present(unfitFolder(folder, 2 ** 60)), /MiB left, and .* are needed/)
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    assert.match(present(unfitFolder(open, 1)), /can be written to by other users/)
    writeFileSync(join(folder, 'file'), '')
    assert.match(present(unfitFolder(join(folder, 'file', 'below'), 1)), /cannot be used/)
  })

  it('leave nothing of a writer that was killed an hour ago', (t) => {
    const folder = diskFolder(t)
    for (const name of ['a.12.part', 'b']) mkdirSync(join(folder, name))
    removeStale(folder)
    assert.deepEqual(readdirSync(folder), ['a.12.part', 'b'])
    removeStale(folder, Date.now() + 3_700_000)
    assert.deepEqual(readdirSync(folder), ['b'])
  })
})
