import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { foldersWithOracle, readOracle } from '../matrix/oracle.ts'
import { runModel } from '../matrix/run-model.ts'

const MODELS = join(PACKAGE_FOLDER, 'test', 'data', 'models')

// Each service scores on one thread.
describe('models of other architectures, layouts and precisions', { concurrency: 2 }, () => {
  for (const folder of foldersWithOracle(MODELS)) {
    const oracle = readOracle(folder)
    for (const file of oracle.files) {
      const expected = oracle.refused === null ? 'has the log-probabilities of its oracle, alone and batched' : 'is refused with the reason'
      test(`${basename(folder)} (${oracle.layout}), ${file.dtype}: ${expected}`, async (t) => {
        const outcome = await runModel(folder, oracle, file)
        const { toFloat64, toRuntime, toStored, verdict } = outcome
        t.diagnostic(
          outcome.refusal ??
            `to float64 ${toFloat64?.toExponential(1)}, to onnxruntime ${toRuntime?.toExponential(1)}, to stored numbers ${toStored?.toExponential(1)} nats per token; checks: ${verdict}`
        )
        assert.equal(outcome.problem, null)
      })
    }
  }
})
