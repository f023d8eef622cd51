/** The official client for Node: shapes by its own types, and errors as its own classes. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import OpenAI, { APIConnectionTimeoutError, AuthenticationError, BadRequestError, NotFoundError } from 'openai'
import { type RunningService, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const MODEL = 'logpr-tiny-en'
const KEY = 'a-key-of-sufficient-length'

describe('the openai SDK for Node', () => {
  let service: RunningService
  let client: OpenAI
  before(async () => {
    service = await startService()
    client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none' })
  })
  after(() => service.stop())

  test('lists the models, with the length of the context', async () => {
    const { data: models } = await client.models.list()

    assert.deepEqual(
      models.map(({ id, object }) => [id, object]),
      [[MODEL, 'model']]
    )
    assert.equal((models[0] as { max_model_len?: number } | undefined)?.max_model_len, 512)
    assert.equal((await client.models.retrieve(MODEL)).id, MODEL)
  })

  test('gets a choice for every prompt of a list, in its order, with lists of equal length', async () => {
    const prompts = [[258, 320, 308], [258], [0, 258, 320, 308, 317]]
    const { choices, usage } = await client.completions.create({ model: MODEL, prompt: prompts, max_tokens: 1, echo: true, logprobs: 1 })

    assert.deepEqual(
      choices.map(({ index, logprobs }) => [index, logprobs?.token_logprobs?.length, logprobs?.top_logprobs?.length, logprobs?.text_offset?.length]),
      [
        [0, 4, 4, 4],
        [1, 2, 2, 2],
        [2, 6, 6, 6]
      ]
    )
    assert.equal(usage?.total_tokens, usage === undefined ? 0 : usage.prompt_tokens + usage.completion_tokens)
  })

  test('throws BadRequestError with code and param for an invalid request, and does not retry', async () => {
    const params = { model: MODEL, prompt: 'Once', max_tokens: 16 }
    await assert.rejects(client.completions.create(params), (error) => error instanceof BadRequestError && error.param === 'max_tokens' && error.status === 400)
    await assert.rejects(
      client.completions.create({ model: MODEL, prompt: Array<number>(600).fill(5), max_tokens: 1, echo: true, logprobs: 1 }),
      (error) => error instanceof BadRequestError && error.code === 'context_length_exceeded' && /600/.test(error.message) && /512/.test(error.message)
    )
  })

  test('throws NotFoundError for an unknown model', async () => {
    await assert.rejects(client.completions.create({ model: 'gpt-9', prompt: 'Once', max_tokens: 1, logprobs: 1 }), NotFoundError)
  })

  test('scores the last message of a chat, and throws BadRequestError for generation', async () => {
    const messages = [
      { role: 'user', content: 'Where?' },
      { role: 'assistant', content: 'To the river.' }
    ] as const
    // The types of the client lack echo, which vLLM added.
    const { choices, usage } = await client.chat.completions.create({
      model: MODEL,
      messages: [...messages],
      logprobs: true,
      top_logprobs: 2,
      echo: true
    } as OpenAI.ChatCompletionCreateParamsNonStreaming)
    const tokens = choices[0]?.logprobs?.content ?? []
    assert.equal(choices[0]?.message.content, 'To the river.')
    assert.equal(tokens.map(({ token }) => token).join(''), ' To the river.')
    assert.ok(tokens.every(({ logprob, top_logprobs: top }) => logprob < 0 && top.length === 2))
    assert.equal(usage?.completion_tokens, 0)

    await assert.rejects(
      client.chat.completions.create({ model: MODEL, messages: [...messages], max_completion_tokens: 64 }),
      (error) => error instanceof BadRequestError && error.param === 'max_completion_tokens' && /generation is not supported/.test(error.message)
    )
    const next = await client.chat.completions.create({ model: MODEL, messages: [messages[0]], max_tokens: 1, logprobs: true, top_logprobs: 20 })
    assert.equal(next.choices[0]?.logprobs?.content?.[0]?.top_logprobs.length, 20)
  })

  test('throws its own timeout error when the client timeout ends', async () => {
    const impatient = client.withOptions({ timeout: 1, maxRetries: 0 })
    await assert.rejects(impatient.completions.create({ model: MODEL, prompt: 'Once', max_tokens: 1 }), APIConnectionTimeoutError)
  })
})

test('the openai SDK for Node throws AuthenticationError without the key, and works with it', async (t) => {
  const service = await startService({ LOGPR_API_KEYS_FILE: `${tempFolder(t, { keys: `${KEY}\n` })}/keys` })
  t.after(() => service.stop())
  const clientWith = (apiKey: string): OpenAI => new OpenAI({ baseURL: `${service.url}/v1`, apiKey })
  const params = { model: MODEL, prompt: 'Once', max_tokens: 1, logprobs: 1 }

  await assert.rejects(clientWith('another-key-of-length').completions.create(params), AuthenticationError)
  assert.equal((await clientWith(KEY).completions.create(params)).choices.length, 1)
})
