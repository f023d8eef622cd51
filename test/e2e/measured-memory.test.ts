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
/** Memory of a pass that the graph does not determine, in either direction: JavaScript, kernels and fragmentation. */
const SLACK_BYTES = 30 * MIB

async function measured(shape: string): Promise<number> {
  const child = fork(new URL(`../../bench/support/score-process${extname(import.meta.url)}`, import.meta.url), [EMBEDDED_MODEL, shape])
  const { loaded, scored } = await new Promise<ScoreReport>((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`the measuring process ended with ${code}`)))
  })
  return present(scored[0]?.anonymousBytes) - loaded.anonymousBytes
}

const ON_LINUX = { skip: existsSync('/proc/self/status') ? false : 'this test reads /proc/self/status' }

function predicted(sequences: number, tokens: number): number {
  const { onnxPath, vocabSize, headSize } = specOf(EMBEDDED_MODEL)
  const limits = { maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }
  return predictPass({ scoring: scoringGraph(readOnnx(onnxPath)), vocabSize, headSize, ...limits }, { sequences, tokens }).bytes
}

test('a real pass needs the predicted memory, small and large', ON_LINUX, async () => {
  for (const [sequences, tokens] of [
    [16, 128],
    [2, 511]
  ] as const) {
    const expected = predicted(sequences, tokens)
    const taken = await measured(`${sequences}x${tokens}`)

    assert.ok(Math.abs(expected - taken) <= SLACK_BYTES + 0.25 * taken, `${sequences} x ${tokens}: predicted ${expected / MIB}, took ${taken / MIB} MiB`)
  }
})

test('a real pass needs the predicted memory where attention is most of it', ON_LINUX, async () => {
  const expected = predicted(4, 511)
  const taken = await measured('4x511')

  assert.ok(Math.abs(expected - taken) <= 0.2 * taken, `predicted ${expected / MIB}, took ${taken / MIB} MiB`)
})
