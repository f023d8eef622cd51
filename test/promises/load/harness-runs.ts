import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import type { Measured, ServicePromise } from '../promise.ts'

/** The figures that test/slow/harness-load.test.ts prints of its harness, and no others. */
const FIGURES = /\d+ requests in [\d.]+ s, \d+ failed, .* MiB/

/** Runs the test that measures this, whose assertions are the target. */
async function measure(): Promise<Measured> {
  const { status, stdout } = spawnSync(process.execPath, [join('scripts', 'run-tests.mjs'), 'slow/harness-load'], { cwd: PACKAGE_FOLDER, encoding: 'utf8' })
  const figures = FIGURES.exec(stdout)?.[0]
  return {
    isKept: status === 0 && figures !== undefined,
    measured: `requests as lm-evaluation-harness sends them, ${figures ?? 'no figures'}; test/slow/harness-load.test.ts ${status === 0 ? 'passed' : 'FAILED'}`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'B3',
    claim: 'The run of a harness survives while another client saturates the service.',
    target: '32 connections of a harness beside a minute of queued work: 0 failed requests, 0 tried again, 0 other numbers',
    measure
  }
]
