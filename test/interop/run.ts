/**
 * The longer measurements, kept for docs/guides/harnesses.md:
 *
 *     node dist/test/interop/run.js modes [all] [RESULTS.json]
 *     node dist/test/interop/run.js blimp PAIRS.jsonl [RESULTS.json]
 *
 * `modes` is the forms of lm-eval's requests that the test has, or all, against `hf`; `blimp` all pairs of a file with
 * the fields good and bad. Exits 1 on a mismatch.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startService } from '../support/running-service.ts'
import { measureBlimp } from './lm-eval/blimp.ts'
import { type ModeOutcome, measureMode, modesTable } from './lm-eval/measure-mode.ts'
import { ALL_MODES, hfRequest, MODES, type Mode, shortened } from './lm-eval/modes.ts'
import { lmEval } from './lm-eval/run-lm-eval.ts'
import { KEPT_RESULTS, keepResults } from './results.ts'
import { writeCheckpoint } from './support/checkpoint.ts'

const TOLERANCE = 1e-3

const [what, ...files] = process.argv.slice(2)
const checkpoint = mkdtempSync(join(tmpdir(), 'logpr-checkpoint-'))
try {
  await writeCheckpoint(checkpoint)
  if (what === 'modes') process.exitCode = (await (files[0] === 'all' ? measureModes(ALL_MODES, files[1]) : measureModes(MODES, files[0]))) ? 0 : 1
  else if (what === 'blimp' && files[0] !== undefined) process.exitCode = (await measurePairs(files[0], files[1])) ? 0 : 1
  else throw new Error('say modes, or blimp with the file of pairs')
} finally {
  rmSync(checkpoint, { recursive: true, force: true })
}

async function measureModes(modes: readonly Mode[], results = KEPT_RESULTS): Promise<boolean> {
  const hf = await lmEval(shortened(hfRequest(checkpoint)))
  const service = await startService()
  const outcomes: ModeOutcome[] = []
  try {
    for (const mode of modes) {
      const outcome = await measureMode(mode, service, checkpoint, hf)
      outcomes.push(outcome)
      process.stderr.write(`${mode.client}, ${mode.name}: ${outcome.maxDifference} nats, ${outcome.seconds} s\n`)
    }
  } finally {
    await service.stop()
  }
  process.stdout.write(`${modesTable(outcomes)}\n`)
  keepResults(results, { modes: outcomes })
  return outcomes.every(
    ({ maxDifference, greedyMismatches, accuracyMismatches, unmatched, failed, retries }) =>
      maxDifference < TOLERANCE && greedyMismatches + accuracyMismatches + unmatched + failed + retries === 0
  )
}

async function measurePairs(pairs: string, results = KEPT_RESULTS): Promise<boolean> {
  const blimp = await measureBlimp(pairs, checkpoint)
  process.stdout.write(`${JSON.stringify(blimp, null, 1)}\n`)
  keepResults(results, { blimp })
  return blimp.pairsThatDiffer + blimp.failed + blimp.retries === 0 && blimp.accuracy === blimp.hfAccuracy
}
