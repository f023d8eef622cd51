import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { test } from 'node:test'
import { EMBEDDED_MODEL, specOf } from '../../bench/support/models.ts'
import type { ScoreReport } from '../../bench/support/score-process.ts'
import { predictPass } from '../../src/memory/predict.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { scoringGraph } from '../../src/model/onnx/scoring-graph.ts'
import { present } from '../support/present.ts'

const MIB = 1 << 20
/** What of a pass is not in the graph, both ways: JavaScript, kernels and holes. */
const SLACK_BYTES = 30 * MIB

async function measured(shape: string): Promise<number> {
  const child = fork(new URL(`../../bench/support/score-process${extname(import.meta.url)}`, import.meta.url), [EMBEDDED_MODEL, shape])
  const { loaded, scored } = await new Promise<ScoreReport>((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`the measuring process ended with ${code}`)))
  })
  return present(scored[0]?.anonymousBytes) - loaded.anonymousBytes
}

test('a real pass takes what was predicted, small and large', { skip: !existsSync('/proc/self/status') }, async () => {
  const { onnxPath, vocabSize, headSize } = specOf(EMBEDDED_MODEL)
  const limits = { maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }
  const question = { scoring: scoringGraph(readOnnx(onnxPath)), vocabSize, headSize, ...limits }
  for (const [sequences, tokens] of [
    [16, 128],
    [2, 511]
  ] as const) {
    const predicted = predictPass(question, { sequences, tokens }).bytes
    const taken = await measured(`${sequences}x${tokens}`)

    assert.ok(Math.abs(predicted - taken) <= SLACK_BYTES + 0.25 * taken, `${sequences} x ${tokens}: predicted ${predicted / MIB}, took ${taken / MIB} MiB`)
  }
})
