import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { loadingApp } from '../support/loading-app.ts'
import { present } from '../support/present.ts'
import { MAIN } from '../support/running-service.ts'

let app: FastifyInstance

before(async () => {
  app = (await loadingApp()).app
})
after(() => app.close())

const post = (body: unknown) =>
  app.inject({
    method: 'POST',
    url: '/v1/check',
    headers: { 'content-type': 'application/json' },
    payload: typeof body === 'string' ? body : JSON.stringify(body)
  })

describe('POST /v1/check', () => {
  test("finds the textbook's joint -3.5 above its marginal -5.2, without a model", async () => {
    const response = await post({ joint: -3.5, marginal: -5.2 })
    const answer = response.json() as { consistent: boolean; violations: { rule: string; possible_causes: string[] }[]; implied: { probability: number } }

    assert.equal(response.statusCode, 200)
    assert.deepEqual([answer.consistent, answer.violations.map(({ rule }) => rule)], [false, ['joint_le_marginal']])
    assert.equal(answer.implied.probability.toFixed(2), '5.47')
    assert.match(present(answer.violations[0]?.possible_causes[0]), /a token spans the boundary/)
  })

  test('compares sums with the tokens that are sent', async () => {
    const body = { joint: -2, marginal: -1.5, x_tokens: 2, y_tokens: 1, token_log_probs: [null, -1.5, -4.5] }
    const { violations } = (await post(body)).json() as { violations: { rule: string; message: string }[] }
    assert.deepEqual(
      violations.map(({ rule }) => rule),
      ['joint_is_token_sum']
    )
  })

  test('gives the answer of logpr check', async () => {
    const [joint, marginal, xTokens, yTokens] = [-3.5, -5.2, 6, 4]
    const printed = await new Promise<string>((resolve) => {
      const flags = ['--joint', String(joint), '--marginal', String(marginal), '--x-tokens', String(xTokens), '--y-tokens', String(yTokens)]
      execFile(process.execPath, [MAIN, 'check', ...flags], (_, stdout) => resolve(stdout))
    })
    assert.deepEqual((await post({ joint, marginal, x_tokens: xTokens, y_tokens: yTokens })).json(), JSON.parse(printed))
  })

  const REFUSED: readonly [string, unknown][] = [
    ['a missing marginal', { joint: -1 }],
    ['an unknown field', { joint: -1, marginal: -1, x: 'a' }],
    ['a number as text', { joint: '-1', marginal: -1 }],
    ['NaN as text', { joint: 'NaN', marginal: -1 }],
    ['NaN', '{"joint":NaN,"marginal":-1}'],
    ['a number past float64', '{"joint":-1e999,"marginal":-1}'],
    ['null', { joint: null, marginal: -1 }],
    ['a negative count', { joint: -1, marginal: -1, x_tokens: -1 }],
    ['half a token', { joint: -1, marginal: -1, y_tokens: 0.5 }],
    ['text among the tokens', { joint: -1, marginal: -1, token_log_probs: [-1, 'a'] }]
  ]
  for (const [what, body] of REFUSED) {
    test(`refuses ${what}: 400`, async () => {
      const response = await post(body)
      assert.equal(response.statusCode, 400)
      assert.match((response.json() as { code: string }).code, /^invalid_(request|json)$/)
    })
  }
})
