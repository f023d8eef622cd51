import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startSummary } from '../../src/cli/start-summary.ts'
import type { ScoringModel, ServedModels } from '../../src/http/served-models.ts'
import { LOGPR_VERSION } from '../../src/process/package-info.ts'

const PASSED = { status: 'pass', message: 'equal' }

/** Served models with the given checks, by id. The summary reads nothing else of them. */
function served(checks: Readonly<Record<string, readonly { readonly status: string; readonly message: string }[]>>): Pick<ServedModels, 'ids' | 'scoring'> {
  const scoring = (id: string): unknown => {
    const items = checks[id]
    const selfTest = { verdict: items?.every(({ status }) => status !== 'warn') ? 'pass' : 'warn', items, toleranceNats: 0.000123456 }
    return { model: { id, maxModelLen: 2048, replicas: 1, stamp: { dtype: 'fp32', execution_provider: 'cpu', threads: 2 }, selfTest } }
  }
  return { ids: Object.keys(checks), scoring: (id) => scoring(id) as ScoringModel }
}

describe('the summary of a start', () => {
  test('has the URL, the model, the self-test and how to stop', () => {
    const models = served({ small: [PASSED, PASSED, { status: 'skipped', message: 'no cache' }] })
    assert.equal(
      startSummary(models, 'http://127.0.0.1:8080', null),
      `
logpr ${LOGPR_VERSION} is ready

  Open       http://127.0.0.1:8080/ (API reference: http://127.0.0.1:8080/docs)
  Model      small, fp32, up to 2,048 tokens, cpu with 2 threads
  Self-test  pass: 2 of 2 checks passed, tolerance 0.00012 nats per token
  Stop       press Ctrl-C: requests in progress are finished; again to stop at once

`
    )
  })

  test('shows what a check remarked, and where all of them are', () => {
    const text = startSummary(served({ small: [PASSED, { status: 'warn', message: 'packed rows differ; packing is off' }] }), 'http://127.0.0.1:8080', null)
    assert.match(text, /warn: 1 of 2 checks passed, .*\n {4}warn: packed rows differ; packing is off\n {4}All checks: GET \/v1\/models\/small\n/)
  })

  test('lists every model, and the management port', () => {
    const text = startSummary(served({ a: [PASSED], b: [PASSED] }), 'http://127.0.0.1:8080', 'http://127.0.0.1:9090')
    assert.match(text, /Probes +http:\/\/127\.0\.0\.1:9090\/readyz/)
    assert.deepEqual(
      [...text.matchAll(/Model +(\w+)/g)].map(([, id]) => id),
      ['a', 'b']
    )
  })

  test('gives an address that a browser can open', () => {
    assert.match(startSummary(served({ a: [PASSED] }), 'http://0.0.0.0:8080', null), /Open +http:\/\/127\.0\.0\.1:8080\/ /)
    assert.match(startSummary(served({ a: [PASSED] }), 'http://[::]:8080', null), /Open +http:\/\/\[::1\]:8080\/ /)
  })
})
