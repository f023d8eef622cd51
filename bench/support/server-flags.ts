import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

const MAIN = join(PACKAGE_FOLDER, 'dist', 'src', 'main.js')
let help: string | null = null

/** Whether `logpr serve` knows a flag, such as `result-cache-bytes`. */
export function hasFlag(name: string): boolean {
  help ??= execFileSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' })
  return new RegExp(`--${name}\\b`).test(help)
}

/** `--NAME VALUE` if the flag is known, else nothing. */
export function flagIfKnown(name: string, value: string | number): string[] {
  return hasFlag(name) ? [`--${name}`, String(value)] : []
}

/**
 * For a service that alternates with others: it caches no results, computes nothing between its turns, and no deadline
 * ends slow work.
 */
export function turnFlags(threads: number): string[] {
  return [
    ...['--threads', String(threads), '--verify-percent', '0', '--canary-interval-ms', '0', '--deadline-ms', '3600000', '--batch-timeout-ms', '600000'],
    ...flagIfKnown('result-cache-bytes', 0)
  ]
}
