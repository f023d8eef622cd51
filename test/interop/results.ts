import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION, PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { BlimpOutcome } from './lm-eval/blimp.ts'
import type { ModeOutcome } from './lm-eval/measure-mode.ts'

/** The stored run, which docs/guides/harnesses.md shows. */
export const KEPT_RESULTS = join(PACKAGE_FOLDER, 'test', 'interop', 'results.json')

/** The results of the longer run. */
export interface InteropResults {
  readonly logpr: string
  readonly onnxruntime: string
  readonly modes: readonly ModeOutcome[]
  readonly blimp: BlimpOutcome | null
}

/** Writes what was measured anew over what was kept; versions are of the last writing. */
export function keepResults(path: string, measured: Partial<Pick<InteropResults, 'modes' | 'blimp'>>): void {
  const results: InteropResults = { ...readResults(path), ...measured, logpr: LOGPR_VERSION, onnxruntime: ONNXRUNTIME_VERSION }
  writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`)
}

export function readResults(path: string): InteropResults {
  return JSON.parse(readFileSync(path, 'utf8')) as InteropResults
}
