/**
 * lm-eval's command line against the service, compared sample by sample with its own `hf` backend on the same weights.
 * Local tasks: minimal pairs after an empty context, options after two shots, one-token answers, edges of text, rolling
 * prose.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type RunningService, startService } from '../support/running-service.ts'
import { type ModeOutcome, measureMode, modesTable } from './lm-eval/measure-mode.ts'
import { hfRequest, MODES, shortened } from './lm-eval/modes.ts'
import { type Evaluation, lmEval } from './lm-eval/run-lm-eval.ts'
import { writeCheckpoint } from './support/checkpoint.ts'
import { needing } from './support/python.ts'

/** Nats per continuation; both sides compute in float32. */
const TOLERANCE = 1e-3
describe('lm-eval from its command line', needing('lm_eval', 'torch', 'onnx'), () => {
  const outcomes: ModeOutcome[] = []
  let service: RunningService
  let checkpoint: string
  let hf: Evaluation
  before(async () => {
    checkpoint = mkdtempSync(join(tmpdir(), 'logpr-checkpoint-'))
    await writeCheckpoint(checkpoint)
    hf = await lmEval(shortened(hfRequest(checkpoint)))
    service = await startService()
  })
  after(async () => {
    await service?.stop()
    rmSync(checkpoint, { recursive: true, force: true })
    process.stdout.write(`${modesTable(outcomes)}\n`)
  })

  test('the reference has a score for every option and text of every task', () => {
    assert.equal(hf.samples.length, 2 * 67 + 4 * 10 + 4 * 40 + 37 + 8)
    assert.deepEqual(
      hf.samples.filter(({ logProb }) => !(logProb <= 0)),
      []
    )
  })

  for (const mode of MODES) {
    test(`${mode.client} (${mode.name}) gives the scores of hf and no request fails`, async () => {
      const outcome = await measureMode(mode, service, checkpoint, hf)
      outcomes.push(outcome)

      const { maxDifference, greedyMismatches, accuracyMismatches, unmatched, failed, retries } = outcome
      assert.ok(maxDifference < TOLERANCE, `${maxDifference} nats`)
      assert.deepEqual(
        { greedyMismatches, accuracyMismatches, unmatched, failed, retries },
        { greedyMismatches: 0, accuracyMismatches: 0, unmatched: 0, failed: 0, retries: 0 }
      )
      assert.ok(outcome.samples > 200 && outcome.answered > 0)
    })
  }
})
