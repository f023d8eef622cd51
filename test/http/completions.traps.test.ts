import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { completionsOf, type LogprobsBody, onlyChoice } from '../support/completions-body.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

/** What goes wrong between harnesses and servers in silence, each seen from the harness' side. */
const SCORED = { max_tokens: 1, echo: true, logprobs: 1 } as const
const CONTEXT = 512
let service: HttpApp

before(async () => {
  service = await startApp()
})
after(() => service.close())

const idsOfLength = (length: number): number[] => Array.from({ length }, (_, i) => 300 + ((i * 7) % 900))
const lengths = ({ tokens, token_logprobs: values, top_logprobs: tops, text_offset: offsets }: LogprobsBody): number[] => [
  tokens.length,
  values.length,
  tops.length,
  offsets.length
]
/** What lm-evaluation-harness makes of an answer. */
function harnessScore({ token_logprobs: values, top_logprobs: tops }: LogprobsBody, contextTokens: number): { sum: number; isGreedy: boolean } {
  const scored = values.slice(contextTokens, -1)
  assert.ok(scored.every((value) => typeof value === 'number'))
  const isGreedy = scored.every((value, i) => value === Math.max(...Object.values(present(tops[contextTokens + i]))))
  return { sum: scored.reduce<number>((sum, value) => sum + present(value), 0), isGreedy }
}

describe('lists of an answer', () => {
  for (const P of [1, 2, 9]) {
    test(`have exactly ${P} entries for ${P} tokens with max_tokens 0, and ${P + 1} with max_tokens 1; the first is null and no other`, async () => {
      for (const max_tokens of [0, 1]) {
        const { logprobs, prompt_logprobs: prompt } = await onlyChoice(service, { prompt: [idsOfLength(P)], ...SCORED, max_tokens, prompt_logprobs: 1 })
        assert.deepEqual(lengths(logprobs), Array(4).fill(P + max_tokens))
        assert.equal(prompt?.length, P)
        assert.deepEqual([logprobs.token_logprobs[0], logprobs.top_logprobs[0], prompt?.[0]], [null, null, null])
        assert.ok(logprobs.token_logprobs.slice(1).every((value) => typeof value === 'number' && value <= 0))
        assert.ok(logprobs.top_logprobs.slice(1).every((entry) => entry !== null && Object.keys(entry).length > 0))
      }
    })
  }

  test('are never empty for a request that forgot echo: that is refused', async () => {
    const response = await service.post('/v1/completions', { prompt: 'a', max_tokens: 0, logprobs: 10 })
    assert.deepEqual([response.status, (await problemBody(response)).error.param], [400, 'max_tokens'])
  })

  test('hold the token after the context, so that an answer of one token has its score', async () => {
    const [context, answer] = [[485, 1282, 2334], [886]]
    const { logprobs } = await onlyChoice(service, { prompt: [[...context, ...answer]], ...SCORED })
    const { sum } = harnessScore(logprobs, context.length)
    assert.ok(sum < 0)
    assert.equal(sum, (await onlyChoice(service, { prompt: [[...context, ...answer]], ...SCORED, max_tokens: 0 })).logprobs.token_logprobs[3])
  })

  test('come with the text that the tokens spell', async () => {
    const text = 'He said: "naïve 👍🏽 漢字"\n\t1 __proto__'
    const { text: echoed, logprobs } = await onlyChoice(service, { prompt: text, ...SCORED, max_tokens: 0 })
    assert.equal(echoed, text)
    assert.equal(logprobs.tokens.filter((token) => !token.includes('\ufffd')).join(''), text.replace(/[^\u0020-\u007e\n\t]/gu, ''))
  })
})

describe('greedy', () => {
  test('is decided by equal doubles: the number of the token is the largest value when it is the most probable one, and only then', async () => {
    const ids = [485, 1282]
    for (let i = 0; i < 6; i++) {
      const { logprobs } = await onlyChoice(service, { prompt: [ids], ...SCORED, return_tokens_as_token_ids: true })
      ids.push(Number(logprobs.tokens.at(-1)?.slice('token_id:'.length)))
    }
    const { logprobs } = await onlyChoice(service, { prompt: [ids], ...SCORED })
    assert.equal(harnessScore(logprobs, 2).isGreedy, true)
    const other = await onlyChoice(service, { prompt: [[...ids, 3001]], ...SCORED })
    assert.equal(harnessScore(other.logprobs, ids.length).isGreedy, false)
  })
})

describe('text_offset', () => {
  for (const [context, continuation] of [
    ['👍👍👍', ' x'],
    ['café €', ': x'],
    ['e\u0301 and 🏳️‍🌈', ' flag'],
    ['The cat', ' sat']
  ] as const) {
    test(`finds the continuation after ${JSON.stringify(context)} by code points`, async () => {
      const { logprobs } = await onlyChoice(service, { prompt: context + continuation, ...SCORED })
      const first = logprobs.text_offset.findIndex((offset) => offset >= [...context].length)
      assert.equal(logprobs.tokens.slice(first, -1).join(''), continuation)
      assert.ok(logprobs.text_offset.every((offset, i) => i === 0 || offset >= present(logprobs.text_offset[i - 1])))
    })
  }

  test('gives all bytes of one character its own place', async () => {
    const { logprobs } = await onlyChoice(service, { prompt: 'a漢b', ...SCORED, max_tokens: 0 })
    assert.deepEqual([...new Set(logprobs.text_offset)], [0, 1, 2])
    assert.ok(logprobs.text_offset.filter((offset) => offset === 1).length > 1)
  })
})

describe('the bytes of an answer', () => {
  test("have the prompt's own token as first key, though others have smaller ids", async () => {
    const ids = [485, 4000, 3999, 3998]
    const response = await service.post('/v1/completions', { prompt: ids, max_tokens: 0, echo: true, logprobs: 20, prompt_logprobs: 20 })
    const raw = await response.text()
    const firstKeys = [...raw.matchAll(/[[,]\{"(\d+)":\{"logprob"/g)].map(([, key]) => Number(key))
    assert.deepEqual(firstKeys, ids.slice(1))
    assert.match(raw, /"4000":\{[^}]*\},"\d{1,3}":/)
  })

  test('are JSON, said to be', async () => {
    const response = await service.post('/v1/completions', { prompt: 'a', ...SCORED })
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
    assert.doesNotThrow(async () => JSON.parse(await response.text()))
  })
})

describe('a request that is too long', () => {
  for (const [max_tokens, most] of [
    [1, CONTEXT],
    [0, CONTEXT + 1]
  ] as const) {
    test(`is refused with both numbers beyond ${most} tokens with max_tokens ${max_tokens}, and scored whole up to there`, async () => {
      const { logprobs } = await onlyChoice(service, { prompt: [idsOfLength(most)], ...SCORED, max_tokens })
      assert.deepEqual(lengths(logprobs), Array(4).fill(most + max_tokens))

      const response = await service.post('/v1/completions', { prompt: [idsOfLength(most + 1)], ...SCORED, max_tokens })
      const { code, detail, error } = await problemBody(response)
      assert.deepEqual([response.status, code, error.code, error.param], [400, 'context_length_exceeded', 'context_length_exceeded', 'prompt/0'])
      assert.match(detail, new RegExp(`maximum context length is ${CONTEXT} tokens \\(max_model_len\\).* has ${most + 1} tokens`))
    })
  }

  test('has the same numbers at its first positions as a shorter one: nothing was cut on the left', async () => {
    const whole = await onlyChoice(service, { prompt: [idsOfLength(CONTEXT)], ...SCORED })
    const short = await onlyChoice(service, { prompt: [idsOfLength(20)], ...SCORED })
    short.logprobs.token_logprobs.slice(1, 20).forEach((value, i) => {
      assert.ok(Math.abs(present(value) - present(whole.logprobs.token_logprobs[i + 1])) <= 1e-4)
    })
  })
})

describe('a body of several prompts', () => {
  test('fails as a whole for one bad prompt, naming its index', async () => {
    for (const [prompt, code, param] of [
      [[[300], [4096]], 'token_out_of_range', 'prompt/1'],
      [['a', ''], 'invalid_request', 'prompt/1'],
      [[[300], [301], idsOfLength(CONTEXT + 1)], 'context_length_exceeded', 'prompt/2']
    ] as const) {
      const response = await service.post('/v1/completions', { prompt, ...SCORED })
      const { error } = await problemBody(response)
      assert.deepEqual([response.status, error.code, error.param], [400, code, param])
      assert.ok(error.message.includes(param))
    }
  })

  test('gives each the numbers that it has alone, within 1e-4 nats, whatever the lengths beside it', async () => {
    const prompts = [200, 3, 57, 1, 199, 4].map((length, i) => idsOfLength(length).map((id) => id + i))
    const { choices } = await completionsOf(service, { prompt: prompts, ...SCORED })
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5]
    )
    let largest = 0
    for (const [i, prompt] of prompts.entries()) {
      const { logprobs } = await onlyChoice(service, { prompt, ...SCORED })
      assert.deepEqual(choices[i]?.logprobs?.tokens, logprobs.tokens)
      choices[i]?.logprobs?.token_logprobs.slice(1).forEach((value, k) => {
        largest = Math.max(largest, Math.abs(present(value) - present(logprobs.token_logprobs[k + 1])))
      })
    }
    assert.ok(largest <= 1e-4)
  })

  test('may have 5 MB', async () => {
    const prompt = Array.from({ length: 2500 }, () => idsOfLength(500))
    const body = JSON.stringify({ prompt, max_tokens: 1, logprobs: 0 })
    assert.ok(body.length > 5_000_000)
    const { choices, usage } = await completionsOf(service, JSON.parse(body) as object)
    assert.deepEqual([choices.length, usage.prompt_tokens], [2500, 1_250_000])
    // Once, or what is not kept of it from before.
    assert.ok(usage.computed_tokens > 0 && usage.computed_tokens <= 500)
  })
})

describe('settings of a sampler', () => {
  test('have no effect on any number', async () => {
    const prompt = 'The cat sat on the mat'
    const plain = await onlyChoice(service, { prompt, ...SCORED })
    const sampler = { temperature: 1.7, top_p: 0.1, top_k: 1, min_p: 0.5, presence_penalty: 2, frequency_penalty: -2, repetition_penalty: 3, seed: 7 }
    const others = { user: 'me', n: 1, best_of: 1, stop: ['\n', '<|endoftext|>'], stream: false, suffix: null, logit_bias: null, unheard_of: { a: [1] } }
    assert.deepEqual(await onlyChoice(service, { prompt, ...SCORED, ...sampler, ...others }), plain)
    assert.deepEqual(await onlyChoice(service, { prompt, ...SCORED, stop: null }), plain)
  })
})

describe('flags and counts', () => {
  test('take 1 for echo, and 0, true and 20 for logprobs', async () => {
    const prompt = 'The cat sat'
    const sizes = async (fields: object): Promise<number> =>
      Object.keys(present((await onlyChoice(service, { prompt, max_tokens: 0, ...fields })).logprobs.top_logprobs[2])).length
    assert.equal(await sizes({ echo: 1, logprobs: 0 }), 1)
    assert.equal(await sizes({ echo: true, logprobs: true }), 2)
    assert.equal(await sizes({ echo: true, logprobs: 20 }), 21)
  })
})

describe('the name of the model', () => {
  test('may be left out or null', async () => {
    for (const model of [undefined, null, 'logpr-tiny-en'])
      assert.equal((await completionsOf(service, { model, prompt: 'a', ...SCORED })).model, 'logpr-tiny-en')
  })

  test('is refused when it is another one, with what to send', async () => {
    const response = await service.post('/v1/completions', { model: 'gpt2', prompt: 'a', ...SCORED })
    const { code, detail } = await problemBody(response)
    assert.deepEqual([response.status, code], [404, 'model_not_found'])
    assert.match(detail, /no model that is served here; omit model or send logpr-tiny-en$/)
  })
})

describe('control tokens', () => {
  test('that a text spells are parsed, as harnesses decode them into it', async () => {
    const [text, ids] = [
      await onlyChoice(service, { prompt: '<|endoftext|>hello', ...SCORED }),
      await onlyChoice(service, { prompt: [[0, ...[258, 449, 79]]], ...SCORED })
    ]
    assert.equal(text.logprobs.tokens[0], '<|endoftext|>')
    assert.equal(text.text.startsWith('<|endoftext|>hello'), true)
    assert.equal(ids.logprobs.tokens[0], '<|endoftext|>')
    assert.equal(text.logprobs.token_logprobs[0], null)
  })
})
