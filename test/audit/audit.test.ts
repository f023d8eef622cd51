import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AuditReport, audit } from '../../src/audit/audit.ts'
import { CHECKS } from '../../src/audit/result.ts'
import type { ReferenceModel } from '../../src/audit/same-model.ts'
import { PeerClient } from '../../src/peer/peer-client.ts'
import { type PlantedFault, startFaultyPeer } from '../support/faulty-peer.ts'
import { type ListeningApp, listen } from '../support/http-app.ts'
import { PLANTED } from './planted-faults.ts'

const SEED = 20261201

let app: ListeningApp
const memory = new Map<string, Promise<string>>()
before(async () => {
  app = await listen()
})
after(() => app.close())

async function auditOf(fault: PlantedFault, options: { concurrency?: number; reference?: ReferenceModel; tolerance?: number } = {}): Promise<AuditReport> {
  const { concurrency = 4, reference = null, tolerance = 1 } = options
  const server = await startFaultyPeer(app.url, memory, fault)
  try {
    const client = new PeerClient({ url: server.url, model: null, apiKey: null, timeoutMs: 30_000, concurrency })
    const { signal } = new AbortController()
    return await audit({ client, seed: SEED, tolerance, concurrency, maxTokens: 290, reference, signal, onStep: () => {} })
  } finally {
    await server.close()
  }
}

const honest: PlantedFault = (_, answer) => answer

function statuses({ checks }: AuditReport): Record<string, string> {
  return Object.fromEntries(checks.map(({ id, status }) => [id, status]))
}

describe('audit', () => {
  test('finds nothing in logpr itself with a tolerance of 0.00001 nats, and makes every check but that of a model', async () => {
    const report = await auditOf(honest, { tolerance: 1e-5 })
    assert.deepEqual(
      report.checks.flatMap(({ findings }) => findings),
      []
    )
    const expected = Object.fromEntries(Object.keys(CHECKS).map((id) => [id, id === 'same_model' ? 'skipped' : 'pass']))
    assert.deepEqual(statuses(report), expected)
    assert.ok(report.requestCount < 90, `${report.requestCount} requests`)
  })

  for (const { name, check, fault } of PLANTED) {
    test(`${check} finds: ${name}`, async () => {
      const report = await auditOf(fault)
      const result = report.checks.find(({ id }) => id === check)
      assert.equal(result?.status, 'fail', JSON.stringify(statuses(report)))
      assert.ok((result?.findings[0]?.requests.length ?? 0) > 0)
    })
  }

  /** What the honest server answers, with more nats off from a position on. */
  const reference = (nats: number, start: number): ReferenceModel => ({
    prefixId: 0,
    maxLength: 512,
    encode: () => Promise.reject(new Error('the server names its ids')),
    async score(ids) {
      const body = { prompt: [ids], max_tokens: 0, echo: true, logprobs: 0 }
      const { choices } = (await (await app.post('/v1/completions', body)).json()) as { choices: [{ logprobs: { token_logprobs: (number | null)[] } }] }
      return choices[0].logprobs.token_logprobs.map((value, i) => (value !== null && i >= start ? value - nats : value))
    }
  })

  test('compares every sample with a model', async () => {
    const report = await auditOf(honest, { reference: reference(0, 0) })
    assert.equal(statuses(report).same_model, 'pass')
    const { compared = 0 } = report.checks.find(({ id }) => id === 'same_model') ?? {}
    assert.ok(compared > 500, `${compared} positions`)
  })

  test('names the position from which another model differs', async () => {
    const report = await auditOf(honest, { reference: reference(2, 23) })
    const [finding] = report.checks.find(({ id }) => id === 'same_model')?.findings ?? []
    assert.match(finding?.message ?? '', /differ by more than 1 nats, the first at position 23$/)
  })

  test('skips the check of concurrency when one request at a time was asked for', async () => {
    const report = await auditOf(honest, { concurrency: 1 })
    const result = report.checks.find(({ id }) => id === 'concurrency_invariance')
    assert.equal(result?.status, 'skipped')
    assert.match(result?.notes[0] ?? '', /--concurrency is 1/)
  })
})
