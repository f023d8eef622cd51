import assert from 'node:assert/strict'
import { test } from 'node:test'
import { present } from '../support/present.ts'
import { pause, startService } from '../support/running-service.ts'
import { type ReceivedSpan, startTraceReceiver } from '../support/trace-receiver.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const PARENT_ID = 'b7ad6b7169203331'
const SECRET = 'quetzalcoatl'

const isChild = (span: ReceivedSpan, parent: ReceivedSpan): boolean => span.traceId === parent.traceId && span.parentSpanId === parent.spanId

test('a request is one trace: queue, tokenize, batch, engine and serialize below the span of the client', async (t) => {
  const receiver = await startTraceReceiver()
  t.after(receiver.close)
  const service = await startService({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_SERVICE_NAME: 'scores',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_BSP_SCHEDULE_DELAY: '100',
    LOGPR_CANARY_INTERVAL_MS: '1000'
  })
  t.after(() => service.process.kill('SIGKILL'))
  const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`, 'x-request-id': 'caller-7', 'user-agent': SECRET }
  const response = await service.post(`/v1/logprob?${SECRET}`, { x: `The ${SECRET} is`, y: ` a ${SECRET}` }, { headers })
  assert.equal(response.status, 200)
  const refused = await service.post('/v1/logprob', { x: SECRET, y: SECRET, [SECRET]: 1 })
  assert.equal(refused.status, 400)
  await service.get('/readyz')
  // A canary runs outside of requests.
  await pause(1200)
  assert.equal(await service.stop(), 0)

  assert.deepEqual([...new Set(receiver.paths)], ['/v1/traces'])
  assert.equal(present(receiver.resource()['service.name']).stringValue, 'scores')
  assert.equal(present(receiver.resource()['deployment.environment.name']).stringValue, 'test')
  const spans = receiver.spans()
  const requests = spans.filter(({ name }) => name === 'POST /v1/logprob')
  assert.equal(requests.length, 2)
  const request = present(requests.find(({ parentSpanId }) => parentSpanId === PARENT_ID))
  assert.equal(request.traceId, TRACE_ID)
  const names = (parent: ReceivedSpan): string[] => spans.flatMap((span) => (isChild(span, parent) ? [span.name] : [])).sort()
  assert.deepEqual([...new Set(names(request))], ['batch', 'queue', 'serialize', 'tokenize'])
  const batch = present(spans.find((span) => span.name === 'batch' && isChild(span, request)))
  assert.deepEqual(names(batch), ['engine'])
  const attributes = new Map(batch.attributes.map(({ key, value }) => [key, value]))
  assert.equal(Number(attributes.get('logpr.batch.requests')?.intValue), 1)
  assert.ok(Number(attributes.get('logpr.batch.tokens')?.intValue) > 0)
  // Neither probes nor canaries have spans, and nothing that a client wrote has left the service but its ids.
  const routes = new Set(spans.filter(({ parentSpanId }) => parentSpanId === undefined).map(({ name }) => name))
  assert.deepEqual([...routes], ['POST /v1/logprob'])
  assert.deepEqual(
    receiver.bodies.filter((body) => body.includes(SECRET)),
    []
  )
  for (const { startTimeUnixNano, endTimeUnixNano } of spans) assert.ok(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano))
})

test('a collector that cannot be reached delays and fails no request', async (t) => {
  const service = await startService({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_EXPORTER_OTLP_TIMEOUT: '500' })
  t.after(() => service.process.kill('SIGKILL'))
  for (let sent = 0; sent < 5; sent++) assert.equal((await service.post('/v1/logprob', { x: 'a', y: ' b' })).status, 200)
  for (let tries = 0; tries < 100 && !service.log.some((line) => line.includes('traces cannot be sent')); tries++) await pause(50)
  assert.ok(service.log.some((line) => line.includes('traces cannot be sent')))
  assert.equal(await service.stop(), 0)
})

test('without the variables nothing is sent, and OTEL_SDK_DISABLED turns a configured exporter off', async (t) => {
  const receiver = await startTraceReceiver()
  t.after(receiver.close)
  const service = await startService({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SDK_DISABLED: 'true' })
  t.after(() => service.process.kill('SIGKILL'))
  assert.equal((await service.post('/v1/logprob', { x: 'a', y: ' b' })).status, 200)
  assert.equal(await service.stop(), 0)
  assert.deepEqual(receiver.bodies, [])
})
