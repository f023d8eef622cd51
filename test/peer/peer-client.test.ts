import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { PeerClient, type PeerOptions, peerUrls } from '../../src/peer/peer-client.ts'
import { PeerError } from '../../src/peer/peer-error.ts'
import { scorePrompts } from '../../src/peer/score-prompts.ts'
import { type AnsweringServer, type PlannedAnswer, type ReceivedRequest, startAnswering } from '../support/answering-server.ts'
import { listen } from '../support/http-app.ts'
import { present } from '../support/present.ts'

/** A response of vLLM 0.16 to `echo: true, logprobs: 1`, as quoted in a pull request of llama.cpp, shortened. */
const VLLM_ECHO = `{"id":"cmpl-8c16f81d43846721","object":"text_completion","created":1772367069,"model":"m","choices":[{"index":0,"text":"The step of 1",
 "logprobs":{"text_offset":[0,3,8,11],"token_logprobs":[null,-8.818763732910156,-1.552642822265625,-0.41059786081314087],"tokens":["The"," step"," of"," 1"],
 "top_logprobs":[null,{" step":-8.818763732910156," is":-0.7875133752822876},{" of":-1.552642822265625,"1":-1.2},{" 1":-0.41059786081314087}]},
 "finish_reason":"length","stop_reason":null,"token_ids":null,
 "prompt_logprobs":[null,{"3139":{"logprob":-8.818763732910156,"rank":412,"decoded_token":" step"},"318":{"logprob":-0.7875133752822876,"rank":1,"decoded_token":" is"}},
 {"286":{"logprob":-1.552642822265625,"rank":1,"decoded_token":" of"}}],"prompt_token_ids":null}],
 "usage":{"prompt_tokens":3,"total_tokens":4,"completion_tokens":1,"prompt_tokens_details":null}}`

const servers: AnsweringServer[] = []
after(() => Promise.all(servers.map((server) => server.close())))

async function clientOf(
  answer: (request: ReceivedRequest) => PlannedAnswer | Promise<PlannedAnswer>,
  options: Partial<PeerOptions> = {}
): Promise<{ client: PeerClient; server: AnsweringServer }> {
  const server = await startAnswering(answer)
  servers.push(server)
  return { client: new PeerClient({ url: server.url, model: null, apiKey: null, timeoutMs: 5000, concurrency: 1, ...options }), server }
}

/** A response with these values; the last one is of the generated token. */
function echoOf(values: readonly unknown[], promptTokens: number = values.length - 1): object {
  const lists = { tokens: values.map(String), token_logprobs: values, top_logprobs: values.map(() => null), text_offset: values.map(() => 0) }
  return { choices: [{ index: 0, text: '', logprobs: lists }], usage: { prompt_tokens: promptTokens } }
}

async function failure(promise: Promise<unknown>): Promise<PeerError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason
  )
  assert.ok(error instanceof PeerError, String(error))
  return error
}

describe('PeerClient', () => {
  test('reads both lists of vLLM, the token of the prompt first although its id is the larger one', async () => {
    const { client, server } = await clientOf(() => ({ body: VLLM_ECHO }), { model: 'm', apiKey: 'sk-1' })
    const { choices, promptTokens } = await client.complete({ prompts: ['The step of'], form: 'echo', topCount: 1, maxTokens: 1 })
    const [choice] = choices
    assert.deepEqual(choice?.faults, [])
    assert.equal(promptTokens, 3)
    assert.deepEqual(
      choice?.echo?.map(({ token, logProb, offset }) => [token, logProb, offset]),
      [
        ['The', null, 0],
        [' step', -8.818763732910156, 3],
        [' of', -1.552642822265625, 8],
        [' 1', -0.41059786081314087, 11]
      ]
    )
    assert.deepEqual(choice?.echo?.[2]?.top?.map(({ token }) => token).sort(), [' of', '1'])
    assert.deepEqual(
      choice?.promptLogprobs?.map(({ id, token, logProb }) => [id, token, logProb]),
      [
        [null, null, null],
        [3139, ' step', -8.818763732910156],
        [286, ' of', -1.552642822265625]
      ]
    )
    assert.deepEqual(
      choice?.promptLogprobs?.[1]?.top?.map(({ id }) => id),
      [3139, 318]
    )
    const { path, headers, body } = present(server.received[0])
    assert.equal(path, '/v1/completions')
    assert.equal(headers.authorization, 'Bearer sk-1')
    assert.deepEqual(body, { model: 'm', prompt: 'The step of', max_tokens: 1, temperature: 0, echo: true, logprobs: 1 })
  })

  test('sends token ids as a list of lists, as lm-eval does, and asks vLLM for prompt_logprobs', async () => {
    const { client, server } = await clientOf(() => ({ body: VLLM_ECHO }))
    await client.complete({ prompts: [[1, 2, 3]], form: 'prompt_logprobs', topCount: 0, maxTokens: 1, tokensAsIds: true })
    assert.deepEqual(present(server.received[0]).body, {
      prompt: [[1, 2, 3]],
      max_tokens: 1,
      temperature: 0,
      prompt_logprobs: 0,
      return_tokens_as_token_ids: true
    })
  })

  test('shows nothing of a body that is not JSON to which a terminal would react', async () => {
    const { client } = await clientOf(() => ({ body: '<p>\u001b[2J</p>' }))
    const error = await failure(client.complete({ prompts: ['a'], form: 'echo', topCount: 1, maxTokens: 1 }))
    assert.equal(error.kind, 'invalid')
    assert.match(error.message, /^the response is not JSON: \P{Cc}+$/u)
  })

  test('reads the form of chat completions, which llama.cpp gives on /v1/completions', async () => {
    const content = [{ id: 5, token: ' a', logprob: -0.5, top_logprobs: [{ id: 5, token: ' a', logprob: -0.5 }] }]
    const { client } = await clientOf(() => ({ body: { choices: [{ index: 0, text: ' a', logprobs: { content } }], usage: { prompt_tokens: 3 } } }))
    const error = await failure(scorePrompts(client, ['one two three'], { topCount: 1 }))
    assert.equal(error.kind, 'invalid')
    assert.match(error.message, /1 entries for 3 prompt tokens and 1 generated: the server returned no log-probabilities of the prompt/)
  })

  test('keeps NaN of Python apart from null', async () => {
    const { client } = await clientOf(() => ({
      body: '{"choices":[{"index":0,"logprobs":{"tokens":["a","b","NaN","c"],"token_logprobs":[null,NaN,-Infinity,-1],"top_logprobs":null,"text_offset":[]}}]}'
    }))
    const { choices, hasPythonNumbers } = await client.complete({ prompts: ['a b'], form: 'echo', topCount: 0, maxTokens: 1 })
    assert.ok(hasPythonNumbers)
    assert.deepEqual(
      choices[0]?.echo?.map(({ logProb }) => logProb),
      [null, Number.NaN, Number.NEGATIVE_INFINITY, -1]
    )
    assert.deepEqual(choices[0]?.faults, ['text_offset has 0 entries, token_logprobs has 4'])
  })

  test('orders choices by index, and refuses a response with too few', async () => {
    const [first, second] = [echoOf([null, -1, -2]), echoOf([null, -3, -4])] as { choices: object[] }[]
    const both = [{ ...present(second).choices[0], index: 1 }, present(first).choices[0]]
    const { client } = await clientOf(({ body }) => ({ body: { choices: (body as { max_tokens: number }).max_tokens === 1 ? both : both.slice(1) } }))
    const scores = await scorePrompts(
      client,
      [
        [1, 2],
        [3, 4]
      ],
      { topCount: 1 }
    )
    assert.deepEqual(
      scores.map(({ positions }) => positions.map(({ logProb }) => logProb)),
      [
        [null, -1],
        [null, -3]
      ]
    )
    const error = await failure(client.complete({ prompts: ['a', 'b'], form: 'echo', topCount: 1, maxTokens: 0 }))
    assert.match(error.message, /1 choices for 2 prompts/)
  })

  for (const [name, values, promptTokens, message] of [
    ['a list without the generated token', [null, -1, -2], 3, /has 3 entries for 3 prompt tokens and 1 generated: expected 4/],
    ['a first token with a value', [-1, -1, -2], 2, /the first token has the log-probability -1/],
    ['a null in the middle', [null, -1, null, -1], 3, /no log-probability at position 2/],
    ['a value above 0', [null, 0.5, -1], 2, /above 0 at position 1 \(value 0.5; 1 of 1 positions\)/],
    ['a text in place of a value', [null, 'x', -1], 2, /token_logprobs\[1\] is no number/]
  ] as const) {
    test(`scorePrompts refuses ${name}`, async () => {
      const { client } = await clientOf(() => ({ body: echoOf(values, promptTokens) }))
      const error = await failure(scorePrompts(client, ['a text'], { topCount: 1 }))
      assert.equal(error.kind, 'invalid')
      assert.match(error.message, message)
    })
  }

  test('names what a server refuses, in the bodies of OpenAI and FastAPI, on one line', async () => {
    const bodies = [
      { error: { message: 'echo is\nnot supported', type: 'x' } },
      { detail: [{ loc: ['body', 'prompt'], msg: 'Input should be a valid string' }] },
      '<html>gateway\u0007</html>'
    ]
    const { client } = await clientOf(() => ({ status: 400, body: bodies.shift() }))
    const messages = []
    for (let i = 0; i < 3; i++) {
      const { kind, status, message } = await failure(scorePrompts(client, ['a'], { topCount: 1 }))
      assert.deepEqual([kind, status], ['refused', 400])
      messages.push(message.replace(/^.*?answered/, 'answered'))
    }
    assert.deepEqual(messages, [
      'answered with status 400: echo is not supported',
      'answered with status 400: body.prompt: Input should be a valid string',
      'answered with status 400: <html>gateway </html>'
    ])
  })

  test('waits as a busy server asks, and counts every request', async () => {
    let count = 0
    const { client } = await clientOf(() => (count++ === 0 ? { status: 429, headers: { 'retry-after': '0' }, body: {} } : { body: echoOf([null, -1, -2]) }))
    await scorePrompts(client, ['a'], { topCount: 1 })
    assert.equal(client.requestCount, 2)
  })

  test('never has more requests in progress than concurrency', async () => {
    let [running, most] = [0, 0]
    const { client } = await clientOf(
      async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running--
        return { body: echoOf([null, -1, -2]) }
      },
      { concurrency: 3 }
    )
    await Promise.all(Array.from({ length: 20 }, () => scorePrompts(client, ['a'], { topCount: 1 })))
    assert.equal(most, 3)
  })

  test('does not follow a redirect, which could carry the key elsewhere', async () => {
    const { client, server } = await clientOf(() => ({ status: 307, headers: { location: '/elsewhere' }, body: '' }), { apiKey: 'sk-1' })
    const error = await failure(client.models())
    assert.match(error.message, /status 307: an empty body; give the address that it redirects to/)
    assert.equal(server.received.length, 1)
  })

  test('stops reading a response that never ends', async () => {
    const piece = 'x'.repeat(2 ** 20)
    const endless: typeof fetch = () => Promise.resolve(new Response(new ReadableStream({ pull: (sink) => sink.enqueue(new TextEncoder().encode(piece)) })))
    const { client } = await clientOf(() => ({ body: '' }))
    const original = globalThis.fetch
    globalThis.fetch = endless
    try {
      assert.match((await failure(client.models())).message, /sent more than 268435456 bytes: send fewer or shorter prompts/)
    } finally {
      globalThis.fetch = original
    }
  })

  test('says that a server is too slow, or away', async () => {
    const { client, server } = await clientOf(() => new Promise(() => {}), { timeoutMs: 20 })
    assert.match((await failure(client.models())).message, /gave no whole response within 20 ms/)
    await server.close()
    const { kind, message } = await failure(client.models())
    assert.equal(kind, 'unreachable')
    assert.match(message, /cannot be reached \(.*ECONNREFUSED.*\): check the address/)
  })

  test('reads models and token ids of vLLM, llama.cpp and llama-cpp-python', async () => {
    const answers: ((request: ReceivedRequest) => PlannedAnswer)[] = [
      ({ path }) => (path === '/v1/models' ? { body: { data: [{ id: 'm', max_model_len: 64 }] } } : { body: { count: 2, tokens: [3, 4] } }),
      ({ path, body }) =>
        path === '/v1/models'
          ? { body: { data: [{ id: 'm', meta: { n_ctx: 64 } }] } }
          : { body: { tokens: (body as { content?: string }).content ? [3, 4] : [] } },
      ({ path }) =>
        path === '/v1/models'
          ? { body: { data: [{ id: 'm', max_model_len: 64 }] } }
          : path === '/extras/tokenize'
            ? { body: { tokens: [3, 4] } }
            : { status: 404, body: {} }
    ]
    for (const answer of answers) {
      const { client } = await clientOf(answer)
      assert.deepEqual(await client.models(), [{ id: 'm', maxModelLen: 64 }])
      assert.deepEqual(await client.tokenize('some text'), [3, 4])
    }
  })

  test('scores what logpr itself scores', async () => {
    const app = await listen()
    try {
      const client = new PeerClient({ url: app.url, model: null, apiKey: null, timeoutMs: 30_000, concurrency: 1 })
      const text = 'The children ran down to the river.'
      const [scores] = await scorePrompts(client, [text], { topCount: 5 })
      const ids = present(await client.tokenize(text))
      assert.equal(scores?.positions.length, ids.length)
      const [scoresOfIds] = await scorePrompts(client, [ids], { topCount: 5 })
      assert.deepEqual(
        scoresOfIds?.positions.map(({ logProb }) => logProb),
        scores?.positions.map(({ logProb }) => logProb)
      )
    } finally {
      await app.close()
    }
  })
})

describe('peerUrls', () => {
  for (const [given, completions, tokenize] of [
    ['http://a:8000', 'http://a:8000/v1/completions', 'http://a:8000/tokenize'],
    ['http://a:8000/v1/', 'http://a:8000/v1/completions', 'http://a:8000/tokenize'],
    ['https://a/x/v3/completions', 'https://a/x/v3/completions', 'https://a/x/tokenize'],
    ['https://a/x', 'https://a/x/v1/completions', 'https://a/x/tokenize']
  ] as const) {
    test(given, () => {
      const urls = peerUrls(given)
      assert.deepEqual([urls.completions, urls.tokenize], [completions, tokenize])
    })
  }

  for (const given of ['localhost:8000', 'ftp://a', 'http://user:secret@a', 'http://a?key=1'])
    test(`refuses ${given.replace(/secret/, '...')} without repeating it`, () => {
      assert.throws(
        () => peerUrls(given),
        (error: Error) => /URL of a server/.test(error.message) && !error.message.includes('secret')
      )
    })
})
