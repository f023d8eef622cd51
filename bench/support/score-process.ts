/**
 * A process that loads one model as the engine does and scores batches of the given shapes, `SEQUENCESxTOKENS`, in
 * sequence. It reports its memory after loading and after each batch. Every row is scored, with rank, entropy and top
 * tokens.
 */
import { loadModel } from '../../src/engine/process/session.ts'
import { specOf } from './models.ts'
import { type ProcessMemory, processMemory } from './process-memory.ts'
import { randomBatch } from './random-batch.ts'

export interface ScoreReport {
  readonly loaded: ProcessMemory
  readonly scored: readonly ProcessMemory[]
}

const [folder = '', ...shapes] = process.argv.slice(2)
const spec = specOf(folder)
const model = await loadModel(spec)
const loaded = memory()
const scored: ProcessMemory[] = []
for (const shape of shapes) {
  const [sequences = 1, tokens = 1] = shape.split('x').map(Number)
  await model.score(randomBatch(spec.vocabSize, sequences, tokens, tokens, 5))
  scored.push(memory())
}
const report: ScoreReport = { loaded, scored }
process.send?.(report, () => process.exit(0))

function memory(): ProcessMemory {
  const found = processMemory()
  if (found === null) throw new Error('this benchmark reads /proc/self/status, which this system does not have')
  return found
}
