import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

interface Expected {
  readonly log_prob: readonly number[]
  readonly score: readonly number[]
  readonly probability: readonly number[]
  /** Index of the best choice. */
  readonly best: number
  readonly margin: number
  readonly entropy: number
  readonly mass: number | null
  readonly expectation?: number
  readonly deviation?: number
  readonly position_bias?: number
  readonly orders_agree?: boolean
}

/** Computed by transformers in float64 and NumPy: test/oracle/check_choices.py. */
const QUESTIONS = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'choice', 'questions.json'), 'utf8')) as readonly {
  readonly name: string
  readonly question: object
  readonly expected: Expected
}[]
/** Float32 differs from float64 by up to 7e-5 nats per token, and a text here has up to 8 tokens. */
const TOLERANCE = 5e-4

interface Answer {
  readonly object: string
  readonly index: number
  readonly best: string
  readonly choices: readonly {
    readonly name: string
    readonly log_prob: number
    readonly score: number
    readonly probability: number
    readonly tokens: number
    readonly spellings?: readonly { readonly text: string; readonly log_prob: number; readonly tokens: number }[]
    readonly token_details?: readonly { readonly part: string; readonly log_prob: number; readonly top?: readonly object[] }[]
  }[]
  readonly margin: number
  readonly entropy: number
  readonly mass: number | null
  readonly mass_note?: string
  readonly expectation?: number
  readonly deviation?: number
  readonly position_bias?: number
  readonly orders_agree?: boolean
  readonly orders?: readonly { readonly order: string; readonly best: string; readonly choices: readonly { readonly log_prob: number }[] }[]
  readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string }[] }
  readonly warnings: readonly object[]
  readonly error?: { readonly code: string; readonly param?: string }
}

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

async function answers(body: object): Promise<readonly Answer[]> {
  const response = await service.post('/v1/choose', body)
  assert.equal(response.status, 200, await response.clone().text())
  return ((await response.json()) as { results: readonly Answer[] }).results
}
const answer = async (body: object): Promise<Answer> => present((await answers(body))[0])
const problem = async (body: object): Promise<{ code: string; status: number; error: { param: string | null } }> =>
  (await (await service.post('/v1/choose', body)).json()) as { code: string; status: number; error: { param: string | null } }

function close(found: number | null | undefined, expected: number | null | undefined, what: string): void {
  if (typeof expected !== 'number' || typeof found !== 'number') assert.equal(found, expected, what)
  else assert.ok(Math.abs(found - expected) <= TOLERANCE, `${what}: ${found} is not ${expected}`)
}

function assertExpected(found: Answer, expected: Expected, what: string): void {
  for (const [i, choice] of found.choices.entries())
    for (const field of ['log_prob', 'score', 'probability'] as const) close(choice[field], expected[field][i], `${what}: ${field} of choice ${i}`)
  assert.equal(found.best, found.choices[expected.best]?.name, what)
  for (const field of ['margin', 'entropy', 'mass', 'expectation', 'deviation', 'position_bias'] as const)
    close(found[field], expected[field], `${what}: ${field}`)
  assert.equal(found.orders_agree, expected.orders_agree, what)
  assert.equal(found.mass === null, found.mass_note !== undefined)
}

describe('POST /v1/choose', () => {
  for (const { name, question, expected } of QUESTIONS)
    test(`equals float64: ${name}`, async () => {
      assertExpected(await answer(question), expected, name)
    })

  test('answers many questions in one body as each alone', async () => {
    const results = await answers({ questions: QUESTIONS.map(({ question }) => question) })
    assert.equal(results.length, QUESTIONS.length)
    for (const [i, { name, expected }] of QUESTIONS.entries()) {
      assert.equal(results[i]?.index, i)
      assertExpected(present(results[i]), expected, name)
    }
  })

  test('has the log-probabilities of /v1/logprob for each spelling', async () => {
    const x = 'The children ran down to the'
    const texts = [' river.', ' village.', ' town.']
    const { choices } = await answer({ x, choices: [texts[0], { name: 'houses', texts: texts.slice(1) }] })
    const { results } = await logprobBody(await service.post('/v1/logprob', { x, y: texts, terms: ['conditional'] }))
    const expected = results.map(({ log_prob }) => present(log_prob.conditional))
    assert.deepEqual([choices[0]?.log_prob, ...present(choices[1]?.spellings).map(({ log_prob }) => log_prob)], expected)
  })

  test('gives conversations the numbers of their rendered text', async () => {
    const messages = [{ role: 'user', content: 'Where did they run?' }]
    const { choices } = await answer({ messages, choices: ['To the river.', 'To the house.'] })
    const { results } = await logprobBody(await service.post('/v1/logprob', { messages, y: ['To the river.', 'To the house.'] }))
    assert.deepEqual(
      choices.map(({ log_prob }) => log_prob.toFixed(4)),
      results.map(({ log_prob }) => present(log_prob.conditional).toFixed(4))
    )
  })

  test('gives a question that cannot be answered an error in its place', async () => {
    const good = { x: 'The cat sat on the', choices: [' mat', ' hat'] }
    const [first, second, third] = await answers({ questions: [good, { ...good, x: [99_999] }, good] })
    assert.deepEqual([first?.object, second?.object, third?.object], ['choice.result', 'choice.failure', 'choice.result'])
    assert.deepEqual([second?.error?.code, second?.error?.param, second?.index], ['token_out_of_range', 'questions/1/x', 1])
    assert.equal((await problem({ ...good, x: [99_999] })).code, 'token_out_of_range')
  })

  test('gives a question with an empty choice an error that names the choice, and answers the others', async () => {
    const good = { x: 'The cat sat on the', choices: [' mat', ' hat'] }
    const [first, second, third] = await answers({ questions: [good, { ...good, choices: [' mat', ''] }, good] })
    assert.deepEqual([first?.best, third?.best], [' hat', ' hat'])
    assert.deepEqual([second?.error?.code, second?.error?.param], ['empty_completion', 'questions/1/choices/1'])
    assert.deepEqual((await problem({ ...good, choices: [' mat', ''] })).error.param, 'choices/1')
  })

  test('shows what the model says in each order as for the prompts by themselves', async () => {
    const x = (first: string, second: string): string => `A: ${first}\nB: ${second}\nThe better one is`
    const candidates = ['The cat sat.', 'It was a cold day.'] as const
    const choices = [' A', ' B']
    const { orders } = await answer({ x: x('{candidate_1}', '{candidate_2}'), candidates, choices, order: 'both' })
    const apart = await answers({ questions: [x(...candidates), x(candidates[1], candidates[0])].map((prompt) => ({ x: prompt, choices })) })
    assert.deepEqual(
      orders?.map(({ order, best, choices: own }) => [order, best, own.map(({ log_prob }) => log_prob.toFixed(4))]),
      ['given', 'swapped'].map((order, i) => [order, apart[i]?.best, apart[i]?.choices.map(({ log_prob }) => log_prob.toFixed(4))])
    )
  })

  test('adds the tokens of each choice and its terminator, as /v1/logprob has them', async () => {
    const question = { x: 'The cat sat on the', choices: [' mat', { name: 'hat', texts: [' hat', ' big hat'] }], terminator: 'eos', top_logprobs: 2 }
    const { choices } = await answer(question)
    const { results } = await logprobBody(
      await service.post('/v1/logprob', { x: question.x, y: [' mat', ' hat', ' big hat'], eos: 'score', terms: ['conditional'], top_logprobs: 2 })
    )
    const spelled = choices[1]?.spellings as readonly { readonly token_details?: readonly object[] }[]
    assert.deepEqual(
      [choices[0]?.token_details, ...spelled.map(({ token_details }) => token_details)],
      results.map(({ tokens }) => tokens?.filter(({ part }) => part === 'y' || part === 'eos'))
    )
    assert.deepEqual(
      choices[0]?.token_details?.map(({ part, top }) => [part, top?.length]),
      [
        ['y', 2],
        ['y', 2],
        ['eos', 2]
      ]
    )
    assert.equal((await problem({ ...question, detail: 'summary' })).error.param, 'top_logprobs')
  })

  test('computes both orders in one request with the prefix that they share', async () => {
    const x = `${'It was a cold day. '.repeat(8)}A: {candidate_1}\nB: {candidate_2}\nThe better one is`
    const computed = async (more: object): Promise<number> => {
      const body = { x, candidates: ['The cat sat.', 'The dog ran away.'], choices: [' A', ' B'], ...more }
      return ((await (await service.post('/v1/choose', body)).json()) as { usage: { computed_tokens: number } }).usage.computed_tokens
    }
    const [both, given] = [await computed({ order: 'both' }), await computed({ x: `Then ${x}` })]
    assert.ok(both < 1.6 * given, `both orders ${both}, one ${given}`)
  })

  test('warns of a scale on which one choice has no place', async () => {
    const choices = [{ name: 'a', texts: [' mat'], value: 1 }, ' hat']
    const { expectation, warnings } = await answer({ x: 'The cat sat on the', choices })
    assert.equal(expectation, undefined)
    assert.match(JSON.stringify(warnings), /"code":"incomplete_scale","message":"1 of 2 choices have a value/)
    assert.deepEqual((await answer({ x: 'The cat sat on the', choices: [' mat', ' hat'] })).warnings, [])
  })

  test('counts each choice in the usage, and baselines in what was computed alone', async () => {
    const question = { x: 'The cat sat on the', choices: [' mat', ' hat'] }
    const usageOf = async (body: object): Promise<{ total_tokens: number }> =>
      ((await (await service.post('/v1/choose', body)).json()) as { usage: { total_tokens: number } }).usage
    assert.equal((await usageOf({ ...question, score: 'pmi' })).total_tokens, (await usageOf(question)).total_tokens)
  })

  test('runs deep verification on every spelling', async () => {
    const { checks } = await answer({ x: 'The cat sat on the', choices: [' mat', ' hat'], verify: 'deep' })
    assert.equal(checks.verdict, 'pass')
    assert.ok(
      checks.items.some(({ id }) => id === 'causality'),
      checks.items.map(({ id }) => id).join()
    )
  })

  test('refuses more sequences than max-items, baselines included', async () => {
    const limited = await startApp({ env: { LOGPR_MAX_ITEMS: '5' } })
    try {
      const response = await limited.post('/v1/choose', { x: 'a', choices: [' b', ' c', ' d'], score: 'pmi' })
      assert.equal(response.status, 400)
    } finally {
      await limited.close()
    }
  })
})
