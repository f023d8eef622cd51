import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { Measured, ServicePromise, Suite } from './promise.ts'

const FOLDER = join(PACKAGE_FOLDER, 'test', 'promises', 'results')

/** The last measurement of a promise, as it is kept in the repository. */
export interface PromiseResult extends Pick<ServicePromise, 'id' | 'claim' | 'target'>, Measured {
  readonly suite: Suite
  readonly seconds: number
  /** Processor, cores, system and versions of the measurement. */
  readonly machine: string
}

/** All results in the order of their ids. */
export function readResults(): readonly PromiseResult[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as PromiseResult)
    .sort((a, b) => a.id.localeCompare(b.id))
}

export function writeResult(result: PromiseResult): void {
  writeFileSync(join(FOLDER, `${result.id}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
