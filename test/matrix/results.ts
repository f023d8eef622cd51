import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION, PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { Outcome } from './run-model.ts'

/** The stored matrix, which docs/reference/models.md shows. */
export const KEPT_RESULTS = join(PACKAGE_FOLDER, 'test', 'matrix', 'results.json')

/** A complete run of the matrix. */
export interface MatrixResults {
  readonly logpr: string
  readonly onnxruntime: string
  readonly outcomes: readonly Outcome[]
}

export function writeResults(path: string, outcomes: readonly Outcome[]): void {
  const results: MatrixResults = { logpr: LOGPR_VERSION, onnxruntime: ONNXRUNTIME_VERSION, outcomes }
  writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`)
}

export function readResults(path: string): MatrixResults {
  return JSON.parse(readFileSync(path, 'utf8')) as MatrixResults
}
