/** A process that loads one variant of the scoring-graph benchmark, runs it three times and reports its memory. */
import { existsSync, readFileSync } from 'node:fs'
import { loadModel } from '../../src/engine/process/session.ts'
import { type MemoryReport, TOKENS, type Variant, WANTED, workload } from '../scoring-graph.ts'
import { loadFullLogits, scoreLogits } from './full-logits.ts'
import { specOf } from './models.ts'

const MIB = 2 ** 20
const [folder = '', variant = 'full_logits'] = process.argv.slice(2) as [string, Variant]
const spec = specOf(folder)
const batch = workload(spec.vocabSize, variant === 'scoring_wanted' ? WANTED : TOKENS)
const runOnce = variant === 'full_logits' ? await fullLogitsRunner() : await scoringRunner()
const loadedMiB = process.memoryUsage.rss() / MIB
for (let i = 0; i < 3; i++) await runOnce()
const report: MemoryReport = { loadedMiB, peakMiB: peakMiB() }
process.send?.(report, () => process.exit(0))

async function fullLogitsRunner(): Promise<() => Promise<void>> {
  const model = await loadFullLogits(spec)
  return async () => void scoreLogits(await model.logits(batch), spec.vocabSize, batch)
}

async function scoringRunner(): Promise<() => Promise<void>> {
  const model = await loadModel(spec)
  return async () => void (await model.score(batch))
}

/** Avoids resourceUsage().maxRSS on Linux, where it starts at the size of the parent process. */
function peakMiB(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : ''
  const highWater = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]
  return (highWater === undefined ? process.resourceUsage().maxRSS : Number(highWater)) / 1024
}
