import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { completionsOf } from '../support/completions-body.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

const PATH = '/v1/chat/completions'
const QUESTION = { role: 'user', content: 'Where did the secret children run?' }
const ANSWER = { role: 'assistant', content: 'They ran to the river.' }
const CHAT = [QUESTION, ANSWER]
let service: HttpApp

before(async () => {
  service = await startApp()
})
after(() => service.close())

interface TokenBody {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[]
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[]
}

interface ChatBody {
  readonly id: string
  readonly object: string
  readonly choices: readonly {
    readonly message: { readonly role: string; readonly content: string }
    readonly logprobs: { readonly content: readonly TokenBody[] } | null
    readonly finish_reason: string
  }[]
  readonly prompt_logprobs?: readonly (Readonly<Record<string, { readonly logprob: number; readonly rank: number }>> | null)[]
  readonly usage: Readonly<Record<string, number>>
  readonly logpr: {
    readonly answer: { readonly start: number; readonly end: number; readonly log_prob: number | null } | null
    readonly checks: { readonly verdict: string }
    readonly warnings: readonly { readonly code: string }[]
  }
}

async function chatOf(body: object): Promise<ChatBody> {
  const response = await service.post(PATH, body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as ChatBody
}

async function idsOf(body: object): Promise<number[]> {
  return ((await (await service.post('/tokenize', body)).json()) as { tokens: number[] }).tokens
}

describe('POST /v1/chat/completions', () => {
  test("answers in OpenAI's shape, with the tokens of the last message", async () => {
    const body = await chatOf({ model: 'logpr-tiny-en', messages: CHAT, continue_final_message: true, echo: true, logprobs: true, top_logprobs: 2 })
    const [choice] = body.choices
    assert.match(body.id, /^chatcmpl-[0-9a-f-]{36}$/)
    assert.deepEqual(
      [body.object, choice?.message.role, choice?.message.content, choice?.finish_reason],
      ['chat.completion', 'assistant', ANSWER.content, 'length']
    )
    const tokens = present(choice?.logprobs).content
    assert.equal(tokens.map(({ token }) => token).join(''), ` ${ANSWER.content}`)
    assert.equal(Buffer.concat(tokens.map(({ bytes }) => Buffer.from(bytes))).toString(), ` ${ANSWER.content}`)
    assert.ok(tokens.every(({ top_logprobs: top }) => top.length === 2 && present(top[0]).logprob >= present(top[1]).logprob))
    assert.deepEqual([body.logpr.checks.verdict, body.logpr.warnings, body.prompt_logprobs], ['pass', [], undefined])
  })

  test('has the numbers of POST /v1/completions for the ids of POST /tokenize', async () => {
    const messages = [{ role: 'system', content: 'Be brief.' }, ...CHAT]
    const ids = await idsOf({ messages, continue_final_message: true })
    const { choices } = await completionsOf(service, { prompt: ids, echo: true, logprobs: 0 })
    const expected = present(choices[0]?.logprobs).token_logprobs
    const echoed = await chatOf({ messages, continue_final_message: true, echo: true, logprobs: true })
    const { start, end, log_prob: sum } = present(echoed.logpr.answer)
    const own = present(echoed.choices[0]?.logprobs).content.map(({ logprob }) => logprob)
    assert.equal(end, ids.length)
    own.forEach((logprob, i) => {
      assert.ok(Math.abs(logprob - present(expected[start + i])) <= 1e-4)
    })
    assert.equal(
      sum,
      own.reduce((total, logprob) => total + logprob, 0)
    )

    const { prompt_logprobs: prompt } = await chatOf({ messages, continue_final_message: true, prompt_logprobs: 0 })
    assert.deepEqual(
      present(prompt).map((entry) => (entry === null ? null : Number(Object.keys(entry)[0]))),
      [null, ...ids.slice(1)]
    )
    present(prompt).forEach((entry, i) => {
      if (entry !== null) assert.ok(Math.abs(present(Object.values(entry)[0]).logprob - present(expected[i])) <= 1e-4)
    })
  })

  test('renders as POST /tokenize does, whichever end of the conversation is wanted', async () => {
    for (const fields of [{ add_generation_prompt: true }, { add_generation_prompt: false }, { continue_final_message: true }]) {
      const { usage } = await chatOf({ messages: CHAT, ...fields, prompt_logprobs: 0 })
      assert.equal(usage.prompt_tokens, (await idsOf({ messages: CHAT, ...fields })).length)
    }
  })

  test('continues the answer of the assistant by default, and says so; a question gets a generation prompt', async () => {
    const open = await chatOf({ messages: CHAT, prompt_logprobs: 0 })
    assert.equal(open.usage.prompt_tokens, (await idsOf({ messages: CHAT, continue_final_message: true })).length)
    assert.deepEqual(
      open.logpr.warnings.map(({ code }) => code),
      ['final_message_continued']
    )
    const asked = await chatOf({ messages: [QUESTION], max_tokens: 1, logprobs: true, top_logprobs: 3 })
    assert.equal(asked.usage.prompt_tokens, (await idsOf({ messages: [QUESTION] })).length)
    const [token, ...more] = present(asked.choices[0]?.logprobs).content
    assert.deepEqual([more, token?.top_logprobs.length, asked.logpr.answer, asked.logpr.warnings], [[], 3, null, []])
    assert.equal(asked.choices[0]?.message.content, token?.token)
    assert.equal(token?.logprob, token?.top_logprobs[0]?.logprob)
  })

  test('appends the generated token to the echoed answer', async () => {
    const { choices, usage } = await chatOf({ messages: CHAT, echo: true, logprobs: true, max_completion_tokens: 1 })
    const content = present(choices[0]?.logprobs).content
    assert.equal(choices[0]?.message.content, ANSWER.content + present(content.at(-1)).token)
    assert.deepEqual(
      [usage.completion_tokens, content.length],
      [1, present((await chatOf({ messages: CHAT, echo: true, logprobs: true })).choices[0]?.logprobs).content.length + 1]
    )
  })

  test('warns of fields without effect: of the request, and of the messages', async () => {
    const messages = [{ ...QUESTION, name: 'x' }, ANSWER]
    const { logpr } = await chatOf({
      messages,
      continue_final_message: true,
      echo: true,
      tools: [{ type: 'function' }],
      chat_template_kwarg: {},
      temperature: 0
    })
    assert.deepEqual(
      logpr.warnings.map(({ code }) => code),
      ['field_ignored', 'field_ignored', 'field_ignored']
    )
  })

  for (const [what, fields, param, message] of [
    ['generation', { max_tokens: 16 }, 'max_tokens', /may be 0 or 1: generation is not supported: append the answer/],
    ['generation by the newer name', { max_completion_tokens: 16, max_tokens: 1 }, 'max_completion_tokens', /may be 0 or 1/],
    ['generation without a limit', { echo: false }, 'max_tokens', /is missing, so there is nothing to score/],
    ['nothing to score', { echo: false, max_tokens: 0 }, 'max_tokens', /without echo and without prompt_logprobs/],
    ['a stream', { stream: true }, 'stream', /send stream: false/],
    ['two answers', { n: 2 }, 'n', /send 1, or leave it out/],
    ['a logit bias', { logit_bias: { 5: 1 } }, 'logit_bias', /leave logit_bias out/],
    ['an echo of a question', { messages: [QUESTION] }, 'echo', /append the answer to score with role assistant/],
    ['an echo of an empty answer', { messages: [QUESTION, { role: 'assistant', content: null }] }, 'messages', /no content/],
    ['top_logprobs alone', { logprobs: null, top_logprobs: 2 }, 'top_logprobs', /needs logprobs: true/],
    ['a number for logprobs', { logprobs: 5 }, 'logprobs', /boolean/],
    ['another template', { chat_template: '{{ messages }}' }, 'chat_template', /--chat-template/],
    ['special tokens besides', { add_special_tokens: true }, 'add_special_tokens', /leave add_special_tokens out/],
    ['functions', { functions: [] }, 'functions', /send tools/],
    ['both ends', { add_generation_prompt: true, continue_final_message: true }, 'continue_final_message', /exclude each other/],
    [
      'an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'secret' } }] }, ANSWER] },
      'messages/0/content/0',
      /only text can be scored/
    ],
    ['no messages', { messages: [] }, 'messages', /^messages is an empty list: send at least one item$/],
    ['tools that are no list', { tools: {} }, 'tools', /^tools must be an array or null$/],
    ['a message without role', { messages: [{ content: 'secret' }] }, 'messages/0/role', /missing/],
    ['variables that are a list', { chat_template_kwargs: [] }, 'chat_template_kwargs', /object/],
    ['variables that are arguments', { chat_template_kwargs: { tools: [] } }, 'chat_template_kwargs/tools', /send tools as a field of the request/],
    ['tools that are numbers', { tools: [1.0] }, 'tools/0', /object/],
    ['half of a character', { tools: [{ description: 'secret\ud83d' }] }, 'tools', /lone surrogate/],
    [
      'arguments of a call that are no JSON',
      { messages: [QUESTION, { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{secret' } }] }, ANSWER] },
      'messages/1/tool_calls/0/function/arguments',
      /not valid JSON/
    ],
    ['a call without function', { messages: [QUESTION, { role: 'assistant', tool_calls: [{}] }, ANSWER] }, 'messages/1/tool_calls/0', /no object function/]
  ] as const) {
    test(`refuses ${what}, naming the field and never quoting a text`, async () => {
      const response = await service.post(PATH, { messages: CHAT, echo: true, logprobs: true, ...fields })
      const body = await problemBody(response)
      assert.deepEqual([response.status, body.error.param], [400, param])
      assert.match(body.error.message, message)
      assert.ok(!JSON.stringify(body).includes('secret'))
    })
  }

  test('refuses a conversation longer than the context before it is tokenized, and after', async () => {
    for (const content of ['word '.repeat(20_000), 'a b c d '.repeat(150)]) {
      const body = await problemBody(await service.post(PATH, { messages: [{ role: 'user', content }], max_tokens: 1 }))
      assert.deepEqual([body.code, body.error.param], ['context_length_exceeded', 'messages'])
    }
  })
})

describe('conversations on the other endpoints', () => {
  const before = { messages: [QUESTION, { role: 'assistant', content: 'They ran' }], continue_final_message: true }

  test('POST /v1/logprob continues the last message: the same tokens as the whole answer', async () => {
    const [whole, part] = await Promise.all(
      [
        { messages: [QUESTION], y: ' They ran to the river.' },
        { ...before, y: ' to the river.' }
      ].map(async (body) => {
        const response = await service.post('/v1/logprob', body)
        return ((await response.json()) as { results: { log_prob: { joint: number } }[] }).results[0]?.log_prob.joint
      })
    )
    assert.ok(Math.abs(present(whole) - present(part)) <= 1e-9)
  })

  test('POST /v1/rerank ranks answers to a conversation by their log-probability', async () => {
    const documents = [' to the seventeen.', ' to the river.']
    const ranked = (await (await service.post('/v1/rerank', { ...before, documents })).json()) as { results: { index: number; log_prob: number }[] }
    const scored = (await (await service.post('/v1/logprob', { ...before, y: documents })).json()) as { results: { log_prob: { conditional: number } }[] }
    assert.deepEqual(
      ranked.results.map(({ index }) => index),
      [1, 0]
    )
    for (const { index, log_prob: logProb } of ranked.results) assert.ok(Math.abs(logProb - present(scored.results[index]).log_prob.conditional) <= 1e-9)
  })

  for (const [what, path, body, param] of [
    ['tools without messages', '/v1/logprob', { x: 'a', y: 'b', tools: [] }, 'tools'],
    ['variables beside pairs', '/v1/logprob', { pairs: [{ x: 'a', y: 'b' }], chat_template_kwargs: {} }, 'chat_template_kwargs'],
    ['an unfitting end in a pair', '/v1/logprob', { pairs: [{ ...before, add_generation_prompt: true, y: 'b' }] }, 'pairs/0/continue_final_message'],
    [
      'control tokens of a message as tokens',
      '/v1/logprob',
      { messages: [{ role: 'user', content: '<|endoftext|>' }], y: 'b', parse_special_tokens: true },
      'parse_special_tokens'
    ],
    ['tools without messages', '/v1/loss', { x: 'a', y: 'b', tools: [] }, 'tools'],
    ['a mask of the template without messages', '/v1/loss', { x: 'a', y: 'b', mask: 'generation' }, 'mask'],
    ['a mask of the template for roles', '/v1/loss', { messages: CHAT, mask: 'generation', train_on: ['user'] }, 'train_on'],
    ['a mask of the template with an end', '/v1/loss', { messages: CHAT, mask: 'generation', eos: 'score' }, 'eos'],
    [
      'a mask of the template for a continued message',
      '/v1/loss',
      { messages: CHAT, mask: 'generation', continue_final_message: true },
      'continue_final_message'
    ],
    ['a query beside messages', '/v1/rerank', { ...before, query: 'q', documents: ['a'] }, 'messages'],
    ['variables without messages', '/v1/rerank', { query: 'q', documents: ['a'], chat_template_kwargs: {} }, 'chat_template_kwargs'],
    ['messages as the output', '/v1/rerank', { ...before, documents: ['a'], direction: 'query_given_document' }, 'direction'],
    ['a separator behind a template', '/v1/rerank', { ...before, documents: ['a'], separator: '\n' }, 'separator']
  ] as const) {
    test(`${path} refuses ${what}`, async () => {
      const response = await service.post(path, body)
      const { error } = await problemBody(response)
      assert.deepEqual([response.status, error.param], [400, param])
    })
  }

  test('a mask of the template needs a template with generation blocks', async () => {
    const body = await problemBody(await service.post('/v1/loss', { messages: CHAT, mask: 'generation' }))
    assert.equal(body.code, 'chat_template_failed')
    assert.match(body.error.message, /\{% generation %\} blocks.*use train_on, or start logpr with --chat-template FILE/)
  })

  test('the loss of a continued message appends no end token, and tool calls are reported as masked', async () => {
    const calls = [{ function: { name: 'f', arguments: {} } }]
    const response = await service.post('/v1/loss', { messages: [QUESTION, { ...ANSWER, tool_calls: calls }], continue_final_message: true, eos: 'score' })
    const { diagnosis, tokens } = (await response.json()) as { diagnosis: { findings: { code: string }[] }; tokens: { reason: string }[] }
    assert.ok(!tokens.some(({ reason }) => reason === 'eos'))
    assert.deepEqual(
      diagnosis.findings.map(({ code }) => code),
      ['eos_not_trained', 'tool_calls_masked', 'field_ignored']
    )
  })
})
