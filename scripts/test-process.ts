/** Runs the test files of one planned process. */

import { AsyncResource } from 'node:async_hooks'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'

const BUILT = join(PACKAGE_FOLDER, 'dist', 'test')

/**
 * Declares the tests of each file under test/ as a suite with its name and its own hooks. Files and their tests run in
 * sequence. A file that cannot be loaded fails the run.
 */
export async function declareFiles(files: readonly string[]): Promise<void> {
  // After awaiting what a suite loads, Node would take further declarations for a part of that suite.
  const outside = new AsyncResource('files')
  for (const file of files) {
    let loading: Promise<Failure | null> = Promise.resolve(null)
    outside.runInAsyncScope(() =>
      describe(file, () => {
        loading = failureOf(import(pathToFileURL(resolve(BUILT, file.replace(/\.ts$/, '.js'))).href))
        return loading.then(() => {})
      })
    )
    const failure = await loading
    // Declared as a test, because Node 22 exits with code 0 when only a suite has failed.
    if (failure !== null) outside.runInAsyncScope(() => test(`${file} can be loaded`, () => Promise.reject(failure.reason)))
  }
}

interface Failure {
  readonly reason: unknown
}

function failureOf(loading: Promise<unknown>): Promise<Failure | null> {
  return loading.then(
    () => null,
    (reason: unknown) => ({ reason })
  )
}
