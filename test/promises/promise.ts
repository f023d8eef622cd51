import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

/** Suites of measurements, each with a folder beside this file and a command `npm run test:SUITE`. */
export const SUITES = ['faults', 'load', 'api'] as const
export type Suite = (typeof SUITES)[number]

/** Something that the service promises to those who operate it, and the measurement that shows it. */
export interface ServicePromise {
  /** A letter for the subject and a number. */
  readonly id: string
  /** What is promised, in one sentence. */
  readonly claim: string
  /** The numbers that have to be reached. */
  readonly target: string
  /** Starts what it needs, measures, and stops it again. */
  measure(): Promise<Measured>
}

export interface Measured {
  readonly isKept: boolean
  /** The numbers that were reached, with the size of the run. */
  readonly measured: string
}

/** All promises of a suite, by id. Each module of its folder exports `promises`. */
export async function promisesOf(suite: Suite): Promise<readonly ServicePromise[]> {
  const folder = join(PACKAGE_FOLDER, 'dist', 'test', 'promises', suite)
  if (!existsSync(folder)) return []
  const modules = await Promise.all(
    readdirSync(folder)
      .filter((file) => file.endsWith('.js'))
      .map((file) => import(join(folder, file)) as Promise<{ readonly promises: readonly ServicePromise[] }>)
  )
  return modules.flatMap(({ promises }) => promises).sort((a, b) => a.id.localeCompare(b.id))
}

/** The promises of all suites, by id. */
export async function allPromises(): Promise<readonly (ServicePromise & { readonly suite: Suite })[]> {
  const bySuite = await Promise.all(SUITES.map(async (suite) => (await promisesOf(suite)).map((promise) => ({ ...promise, suite }))))
  return bySuite.flat().sort((a, b) => a.id.localeCompare(b.id))
}
