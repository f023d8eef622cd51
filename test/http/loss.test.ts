import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { logprobBody, problemBody } from '../support/logprob-body.ts'
import { findingCodes, type LossBody, trainedTexts } from '../support/loss-body.ts'
import { present } from '../support/present.ts'

const X = 'The children ran down to the'
const Y = ' river and swam.'
const CHAT = [
  { role: 'user', content: 'What is 2+2?' },
  { role: 'assistant', content: '4' },
  { role: 'user', content: 'And who are you?' },
  { role: 'assistant', content: 'A model.' }
]
let service: HttpApp

before(async () => {
  service = await startApp()
})
after(() => service.close())

async function lossOf(body: object): Promise<LossBody> {
  const response = await service.post('/v1/loss', body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as LossBody
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

describe('POST /v1/loss of x and y', () => {
  for (const body of [
    { x: X, y: Y },
    { x: X, y: Y, eos: 'score' },
    { x: '', y: 'Once upon a time' },
    { x: 'Once upon a ti', y: 'me' },
    { x: `${X} `, y: 'river', boundary: 'move_space' },
    { x: X, y: Y, prefix_token: 'none' },
    { x: [485, 1282], y: [1321, 556] },
    { x: 'a <|endoftext|> b', y: ' c <|endoftext|>', parse_special_tokens: true }
  ]) {
    test(`has the terms of /v1/logprob: ${JSON.stringify(body)}`, async () => {
      const { loss_sum: lossSum, log_prob: terms } = await lossOf(body)
      const { results } = await logprobBody(await service.post('/v1/logprob', body))
      const expected = results[0]?.log_prob

      assert.ok(Math.abs(lossSum + present(expected?.conditional)) <= 1e-9)
      assert.ok(Math.abs(terms.conditional - present(expected?.conditional)) <= 1e-9)
      assert.ok(Math.abs(terms.joint - present(expected?.joint)) <= 1e-9)
      assert.ok(Math.abs(present(terms.marginal) - present(expected?.marginal)) <= 1e-9)
    })
  }

  test('labels y and masks the prefix token and x', async () => {
    const body = await lossOf({ x: X, y: Y })

    assert.equal(trainedTexts(body).join(''), Y)
    for (const { part, label, reason, id, loss, grad_norm: norm, log_prob: logProb, weight } of body.tokens) {
      assert.equal(label, part === 'y' ? id : -100)
      assert.equal(reason, { prefix: 'bos', x: 'prompt', y: 'completion' }[part])
      assert.equal(logProb === null, part === 'prefix')
      assert.deepEqual([loss, weight], part === 'y' ? [-present(logProb), 1] : [0, 0])
      assert.ok(part === 'y' ? norm > 0 && norm <= Math.SQRT2 : norm === 0)
    }
    assert.equal(body.trained_tokens, body.tokens.filter(({ part }) => part === 'y').length)
    assert.equal(body.loss_mean, body.loss_sum / body.loss_denominator)
    assert.equal(body.loss_denominator, body.trained_tokens)
    assert.equal(body.full_sequence.tokens, body.tokens.length - 1)
    assert.equal(body.checks.verdict, 'pass')
  })

  test('has a gradient norm between 1 - p and sqrt(2) (1 - p)', async () => {
    const { tokens } = await lossOf({ x: X, y: Y, prompt_loss_weight: 1 })
    for (const { log_prob: logProb, grad_norm: norm } of tokens) {
      if (logProb === null) continue
      const missing = -Math.expm1(logProb)
      assert.ok(norm >= missing && norm <= missing * Math.SQRT2 + 1e-9)
    }
  })

  test('trains the end token when it is asked for, and tells when it is not', async () => {
    const [without, with_] = await Promise.all([lossOf({ x: X, y: Y }), lossOf({ x: X, y: Y, eos: 'score' })])

    assert.deepEqual(findingCodes(without), ['eos_not_trained'])
    assert.deepEqual(findingCodes(with_), [])
    const last = with_.tokens.at(-1)
    assert.deepEqual([last?.part, last?.reason, last?.label], ['eos', 'eos', 0])
    assert.equal(with_.log_prob_eos, last?.log_prob)
    assert.equal(without.log_prob_eos, undefined)
    assert.equal(with_.trained_tokens, without.trained_tokens + 1)
  })

  test('knows an end token that was sent with the ids of y', async () => {
    const body = await lossOf({ x: [485, 1282], y: [1321, 0] })
    assert.deepEqual(findingCodes(body), [])
    assert.deepEqual(
      body.tokens.map(({ reason }) => reason),
      ['bos', 'prompt', 'prompt', 'completion', 'eos']
    )
  })

  test('gives the prompt the weight that is asked for', async () => {
    const [masked, weighted] = await Promise.all([lossOf({ x: X, y: Y }), lossOf({ x: X, y: Y, prompt_loss_weight: 0.1 })])
    const given = masked.full_sequence.tokens - masked.trained_tokens

    assert.ok(Math.abs(weighted.loss_denominator - (masked.trained_tokens + 0.1 * given)) < 1e-9)
    assert.ok(Math.abs(weighted.loss_sum - (masked.loss_sum - 0.1 * present(masked.log_prob.marginal))) < 1e-9)
    assert.ok(weighted.tokens.slice(1).every(({ label, id }) => label === id))
    assert.equal(weighted.tokens[0]?.label, -100)
    assert.equal(weighted.trained_tokens, masked.trained_tokens)
  })

  test('finds a merged boundary token and says which', async () => {
    const body = await lossOf({ x: 'Once upon a ti', y: 'me' })
    assert.ok(findingCodes(body).includes('merged_boundary_token'))
    assert.equal(trainedTexts(body).join(''), 'me')
    assert.equal(body.checks.items.find(({ id }) => id === 'boundary')?.status, 'warn')
  })

  test('finds that nothing is masked without x', async () => {
    assert.ok(findingCodes(await lossOf({ x: '', y: 'Once upon a time' })).includes('nothing_masked'))
    assert.ok(findingCodes(await lossOf({ x: X, y: Y, prompt_loss_weight: 1 })).includes('nothing_masked'))
  })

  test('never gives the first token a probability without a prefix token', async () => {
    const body = await lossOf({ x: X, y: Y, prefix_token: 'none' })
    assert.deepEqual([body.tokens[0]?.part, body.tokens[0]?.log_prob, body.conditional_on_first_token], ['x', null, true])
  })

  test('is stamped, named and counted like the other answers', async () => {
    const { object, id, model, stamp, usage } = await lossOf({ x: X, y: Y })
    assert.deepEqual([object, model], ['loss', 'logpr-tiny-en'])
    assert.match(id, /^loss-[0-9a-f-]{36}$/)
    assert.equal(Object.keys(stamp).length, 8)
    assert.equal(usage.total_tokens, present(usage.prompt_tokens) + present(usage.completion_tokens))
    assert.equal(usage.computed_tokens, present(usage.total_tokens) - 1)
  })
})

describe('a reported loss below 0', () => {
  test('is said to be none', async () => {
    const { diagnosis } = await lossOf({ x: X, y: Y, reported_loss: -4 })
    assert.match(diagnosis.summary, /never below 0: was a log-probability reported/)
  })
})

describe('POST /v1/loss of segments', () => {
  test('trains the marked ones and tokenizes all as one text', async () => {
    const body = await lossOf({
      segments: [
        { text: X, train: false },
        { text: Y, train: true },
        { text: ' Then', train: false },
        { text: ' home.', train: true }
      ]
    })
    assert.equal(trainedTexts(body).join(''), `${Y} home.`)
    assert.equal(body.tokens.map(({ text }) => text).join(''), `<|endoftext|>${X}${Y} Then home.`)
    assert.equal(body.checks.items.find(({ id }) => id === 'mask_sanity')?.status, 'pass')
    assert.ok(Math.abs(body.log_prob.joint - present(body.log_prob.marginal) - body.log_prob.conditional) < 1e-9)
    assert.ok(Math.abs(sum(body.tokens.map(({ loss }) => loss)) - body.loss_sum) < 1e-12)
  })

  test('is the same example as x and y', async () => {
    const [pair, segments] = await Promise.all([
      lossOf({ x: X, y: Y, eos: 'score' }),
      lossOf({
        segments: [
          { text: X, train: false },
          { text: Y, train: true }
        ],
        eos: 'score'
      })
    ])
    assert.deepEqual(segments.tokens, pair.tokens)
    assert.equal(segments.loss_sum, pair.loss_sum)
  })

  test('masks a token that trained and other text share, and reports it', async () => {
    const body = await lossOf({
      segments: [
        { text: 'Once upon a ti', train: false },
        { text: 'me there', train: true }
      ]
    })
    const straddling = body.tokens.filter(({ reason }) => reason === 'straddle')

    assert.deepEqual(
      straddling.map(({ text, label, loss, grad_norm: norm }) => [text, label, loss, norm]),
      [[' time', -100, 0, 0]]
    )
    assert.deepEqual(trainedTexts(body), [' there'])
    assert.ok(findingCodes(body).includes('merged_boundary_token'))
    assert.equal(body.checks.items.find(({ id }) => id === 'mask_sanity')?.status, 'warn')
  })

  test('tells apart the bytes of a character that segments divide', async () => {
    const body = await lossOf({
      segments: [
        { text: '漢', train: false },
        { text: '字 👍', train: true }
      ]
    })
    const trained = body.tokens.filter(({ label }) => label !== -100).map(({ bytes }) => Buffer.from(bytes, 'base64'))
    assert.equal(Buffer.concat(trained).toString(), '字 👍')
  })

  test('has no mean, and no error, when every segment is masked', async () => {
    const body = await lossOf({ segments: [{ text: X, train: false }] })

    assert.deepEqual([body.loss_mean, body.loss_sum, body.trained_tokens], [null, 0, 0])
    assert.deepEqual(findingCodes(body), ['all_masked'])
    assert.equal(body.checks.verdict, 'fail')
    assert.ok(body.tokens.every(({ label }) => label === -100))
    assert.ok(present(body.full_sequence.loss_mean) > 0)
  })

  test('leaves out a first trained token that nothing precedes', async () => {
    const body = await lossOf({ segments: [{ text: X, train: true }], prefix_token: 'none' })
    assert.deepEqual([body.tokens[0]?.label, body.tokens[0]?.log_prob], [-100, null])
    assert.ok(findingCodes(body).includes('first_trained_token_is_first'))
    assert.equal(body.loss_denominator, body.tokens.length - 1)
  })

  test('appends an end token only after a last segment that is trained', async () => {
    const segments = [
      { text: X, train: false },
      { text: Y, train: true }
    ]
    const after_ = await lossOf({ segments: [...segments, { text: ' Then', train: false }], eos: 'score' })
    assert.ok(findingCodes(after_).includes('eos_not_trained'))
    assert.equal((await lossOf({ segments, eos: 'score' })).tokens.at(-1)?.reason, 'eos')
  })

  test('parses control tokens when asked, and knows an end token among them', async () => {
    const segments = [
      { text: `<|endoftext|>${X}`, train: false },
      { text: `${Y}<|endoftext|>`, train: true }
    ]
    const [asText, parsed] = await Promise.all([lossOf({ segments }), lossOf({ segments, parse_special_tokens: true })])

    assert.ok(asText.tokens.length > parsed.tokens.length)
    assert.deepEqual([parsed.tokens[0]?.reason, parsed.tokens[1]?.reason, parsed.tokens.at(-1)?.reason], ['bos', 'prompt', 'eos'])
    assert.deepEqual(findingCodes(parsed), [])
    assert.equal(parsed.loss_sum, (await lossOf({ x: X, y: Y, eos: 'score' })).loss_sum)
  })
})

describe('POST /v1/loss of messages', () => {
  test('trains the contents of the assistant, of every turn', async () => {
    const body = await lossOf({ messages: CHAT })

    assert.equal(trainedTexts(body).join(''), '4 A model.')
    assert.equal(
      body.tokens
        .slice(1)
        .map(({ text }) => text)
        .join(''),
      'User: What is 2+2?\n\nAssistant: 4\n\nUser: And who are you?\n\nAssistant: A model.\n\n'
    )
    const reasons = new Set(body.tokens.map(({ reason }) => reason))
    assert.deepEqual([...reasons].sort(), ['bos', 'completion', 'prompt', 'template'])
    assert.ok(findingCodes(body).includes('template_missing_end'))
    assert.ok(!findingCodes(body).includes('template_not_prefix_preserving'))
    const [trained, other] = [true, false].map((isTrained) =>
      sum(body.tokens.flatMap(({ part, label, log_prob: logProb }) => (part !== 'prefix' && (label !== -100) === isTrained ? [present(logProb)] : [])))
    )
    assert.ok(Math.abs(body.log_prob.conditional - present(trained)) < 1e-9)
    assert.ok(Math.abs(present(body.log_prob.marginal) - present(other)) < 1e-9)
  })

  test('trains other roles when asked, and masks what no generation prompt leads to', async () => {
    const body = await lossOf({ messages: CHAT.slice(0, 3), train_on: ['user'] })
    assert.deepEqual(
      body.tokens.filter(({ reason }) => reason === 'straddle').map(({ text }) => text),
      [' What', ' And']
    )
    assert.equal(trainedTexts(body).join(''), ' is 2+2? who are you?')
    assert.deepEqual(findingCodes(body), ['eos_not_trained', 'merged_boundary_token', 'template_not_prefix_preserving', 'template_missing_end'])
  })

  test('trains a first word that takes in the space after the generation prompt', async () => {
    const body = await lossOf({ messages: [CHAT[0], { role: 'assistant', content: 'The river.' }] })
    assert.equal(trainedTexts(body).join(''), ' The river.')
    assert.ok(!findingCodes(body).includes('merged_boundary_token'))
    assert.equal(body.checks.items.find(({ id }) => id === 'mask_sanity')?.status, 'pass')
  })

  test('finds that all is masked when no message has a trained role', async () => {
    const body = await lossOf({ messages: [CHAT[0]] })
    assert.deepEqual([body.loss_mean, ...findingCodes(body)], [null, 'all_masked'])
  })

  test('appends the end token where the template writes none', async () => {
    const body = await lossOf({ messages: CHAT.slice(0, 2), eos: 'score' })
    assert.deepEqual(
      body.tokens.slice(-3).map(({ text, reason }) => [text, reason]),
      [
        ['\n', 'template'],
        ['\n', 'template'],
        ['<|endoftext|>', 'eos']
      ]
    )
  })

  test('takes a control token that a message spells for text', async () => {
    const body = await lossOf({ messages: [CHAT[0], { role: 'assistant', content: 'so<|endoftext|>' }], eos: 'score' })
    assert.equal(trainedTexts(body).slice(0, -1).join(''), ' so<|endoftext|>')
    assert.ok(body.tokens.slice(1, -1).every(({ id }) => id !== 0))
  })
})

describe('POST /v1/loss explains a reported loss:', () => {
  const example = { x: X, y: Y }

  async function explained(body: object, reported: number): Promise<NonNullable<LossBody['diagnosis']['reported_loss']>> {
    const { diagnosis } = await lossOf({ ...body, reported_loss: reported })
    assert.ok(diagnosis.reported_loss)
    return diagnosis.reported_loss
  }

  test('the expected one', async () => {
    const { loss_mean: mean } = await lossOf(example)
    const { verdict, conventions, value } = await explained(example, present(mean))
    assert.deepEqual([verdict, conventions[0]?.convention, value], ['expected', 'completion_mean', mean])
  })

  test('a run that trained the whole sequence by mistake', async () => {
    const { full_sequence: whole } = await lossOf(example)
    const { diagnosis, checks } = await lossOf({ ...example, reported_loss: Number(present(whole.loss_mean).toFixed(3)) })

    assert.equal(diagnosis.reported_loss?.verdict, 'other_convention')
    assert.equal(diagnosis.reported_loss?.conventions[0]?.convention, 'full_sequence_mean')
    assert.match(diagnosis.summary, /the prompt was not masked/)
    assert.equal(checks.items.find(({ id }) => id === 'loss_convention')?.status, 'warn')
  })

  test('one with the end token when the request has none', async () => {
    const { loss_mean: mean } = await lossOf({ ...example, eos: 'score' })
    assert.equal((await explained(example, present(mean))).conventions[0]?.convention, 'completion_mean_with_eos')
  })

  test('one without the end token when the request has one', async () => {
    const { loss_mean: mean } = await lossOf(example)
    assert.equal((await explained({ ...example, eos: 'score' }, present(mean))).conventions[0]?.convention, 'completion_mean_without_eos')
  })

  test('labels shifted by one in either direction', async () => {
    const { tokens } = await lossOf(example)
    // By hand from /v1/logprob with ids: the row after a text, scored on another token than the next.
    const ids = tokens.slice(1).map(({ id }) => id)
    const trained = tokens.flatMap(({ label }, position) => (label === -100 ? [] : [position]))
    const rowLoss = async (row: number, target: number): Promise<number> => {
      const { results } = await logprobBody(await service.post('/v1/logprob', { x: ids.slice(0, row), y: [ids[target - 1]], terms: ['conditional'] }))
      return -present(results[0]?.log_prob.conditional)
    }
    const mean = async (rowOf: (position: number) => number): Promise<number> =>
      sum(await Promise.all(trained.map((position) => rowLoss(rowOf(position), position)))) / trained.length
    const [copying, twice] = [await mean((position) => position), await mean((position) => position - 2)]

    assert.equal((await explained(example, copying)).conventions[0]?.convention, 'labels_not_shifted')
    assert.equal((await explained(example, twice)).conventions[0]?.convention, 'labels_shifted_twice')
  })

  test('one with the prompt loss weight', async () => {
    const body = { ...example, prompt_loss_weight: 0.25 }
    const { loss_mean: mean } = await lossOf(body)
    const { verdict, conventions } = await explained(body, present(mean))
    assert.deepEqual([verdict, conventions[0]?.convention], ['expected', 'prompt_loss_weight_mean'])
  })

  test('nothing, with the nearest and how far it is', async () => {
    const { loss_mean: mean } = await lossOf(example)
    const { verdict, conventions, nearest } = await explained(example, present(mean) + 0.01)
    assert.deepEqual([verdict, conventions], ['unexplained', []])
    assert.ok(Math.abs(present(nearest?.difference)) <= 0.0101)
  })

  test('and changes no other number', async () => {
    const [with_, without] = [await lossOf({ ...example, reported_loss: 1 }), await lossOf(example)]
    assert.deepEqual(with_.tokens, without.tokens)
    assert.deepEqual(with_.log_prob, without.log_prob)
  })

  test('as far as the context has room for', async () => {
    const ids = Array.from({ length: 511 }, (_, i) => (i % 4000) + 1)
    const { conventions, nearest } = await explained({ x: ids.slice(0, 500), y: ids.slice(500) }, 1e6)
    assert.deepEqual(conventions, [])
    assert.ok(nearest !== undefined)
  })
})

describe('POST /v1/loss refuses', () => {
  const SECRET = 'zebra-in-the-prompt'
  const segment = { text: SECRET, train: true }
  const message = { role: 'assistant', content: SECRET }
  const cases: readonly [string, unknown, number, string, string | null][] = [
    ['no form', {}, 400, 'invalid_request', 'x'],
    ['x and segments', { x: SECRET, y: 'b', segments: [segment] }, 400, 'invalid_request', 'segments'],
    ['segments and messages', { segments: [segment], messages: [message] }, 400, 'invalid_request', 'messages'],
    ['y and messages', { y: SECRET, messages: [message] }, 400, 'invalid_request', 'messages'],
    ['x without y', { x: SECRET }, 400, 'invalid_request', 'y'],
    ['y without x', { y: SECRET }, 400, 'invalid_request', 'x'],
    ['several y', { x: SECRET, y: ['a', 'b'] }, 400, 'invalid_request', null],
    ['an unknown field', { x: SECRET, y: 'b', masks: 1 }, 400, 'invalid_request', null],
    ['train_on without messages', { x: SECRET, y: 'b', train_on: ['assistant'] }, 400, 'invalid_request', 'train_on'],
    ['a boundary for segments', { segments: [segment], boundary: 'strict' }, 400, 'invalid_request', 'boundary'],
    ['special tokens in messages', { messages: [message], parse_special_tokens: true }, 400, 'invalid_request', 'parse_special_tokens'],
    ['no segments', { segments: [] }, 400, 'invalid_request', null],
    ['a segment without train', { segments: [{ text: SECRET }] }, 400, 'invalid_request', null],
    ['train as a word', { segments: [{ text: SECRET, train: 'yes' }] }, 400, 'invalid_request', null],
    ['segments without text', { segments: [{ text: '', train: true }] }, 422, 'empty_completion', 'segments'],
    ['no messages', { messages: [] }, 400, 'invalid_request', null],
    ['more messages than it takes', { messages: Array.from({ length: 257 }, () => message) }, 400, 'invalid_request', null],
    ['no roles to train on', { messages: [message], train_on: [] }, 400, 'invalid_request', null],
    ['an empty y', { x: SECRET, y: '' }, 422, 'empty_completion', 'y'],
    ['a merged boundary under strict', { x: 'Once upon a ti', y: 'me', boundary: 'strict' }, 422, 'boundary_merged', 'boundary'],
    ['a lone surrogate in a segment', { segments: [{ text: `${SECRET}\ud83d`, train: true }] }, 400, 'invalid_text', 'segments/0/text'],
    [
      'an emoji cut by segments',
      {
        segments: [
          { text: '\ud83d', train: false },
          { text: '\udc4d', train: true }
        ]
      },
      400,
      'invalid_text',
      'segments/0/text'
    ],
    ['a lone surrogate in a message', { messages: [{ role: 'user', content: `${SECRET}\ud83d` }] }, 400, 'invalid_text', 'messages/0/content'],
    ['ids out of range', { x: [1], y: [4096] }, 400, 'token_out_of_range', 'y'],
    ['segments longer than the context', { segments: [{ text: `${SECRET} `.repeat(300), train: true }] }, 400, 'context_length_exceeded', 'segments'],
    ['messages longer than the context', { messages: [{ role: 'user', content: `${SECRET} `.repeat(300) }] }, 400, 'context_length_exceeded', 'messages'],
    ['a single token that nothing precedes', { segments: [{ text: 'a', train: true }], prefix_token: 'none' }, 422, 'no_prefix_token', 'segments'],
    ['a prompt loss weight of 2', { x: SECRET, y: 'b', prompt_loss_weight: 2 }, 400, 'invalid_request', null],
    ['a reported loss as text', { x: SECRET, y: 'b', reported_loss: 'NaN' }, 400, 'invalid_request', null],
    ['NaN', `{"x":"${SECRET}","y":"b","reported_loss":NaN}`, 400, 'invalid_json', null],
    ['another model', { model: 'other', x: SECRET, y: 'b' }, 404, 'model_not_found', 'model']
  ]
  for (const [what, body, status, code, param] of cases) {
    test(`${what}: ${status} ${code}`, async () => {
      const response = await service.post('/v1/loss', body)
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code], [status, code])
      if (param !== null) assert.equal(problem.error.param, param)
      assert.doesNotMatch(JSON.stringify(problem), /zebra/)
    })
  }

  test('and logs no text of any request', async () => {
    await lossOf({ segments: [segment] })
    assert.doesNotMatch(service.log.join('\n'), /zebra/)
  })
})
