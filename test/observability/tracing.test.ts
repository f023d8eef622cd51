import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isTracingConfigured } from '../../src/observability/tracing.ts'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

describe('isTracingConfigured', () => {
  const cases: readonly [string, Readonly<Record<string, string>>, boolean][] = [
    ['nothing set', {}, false],
    ['an endpoint', ENDPOINT, true],
    ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
    ['the exporter otlp, with its default endpoint', { OTEL_TRACES_EXPORTER: 'otlp' }, true],
    ['the exporter none', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false],
    ['the SDK disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, false],
    ['a service name alone', { OTEL_SERVICE_NAME: 'logpr' }, false]
  ]
  for (const [name, env, expected] of cases) test(`${name}: ${expected ? 'on' : 'off'}`, () => assert.equal(isTracingConfigured(env), expected))

  test('an exporter or protocol that logpr does not have stops the start', () => {
    assert.throws(() => isTracingConfigured({ OTEL_TRACES_EXPORTER: 'zipkin' }), { code: 'configuration_invalid' })
    assert.throws(() => isTracingConfigured({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), { code: 'configuration_invalid' })
  })
})
