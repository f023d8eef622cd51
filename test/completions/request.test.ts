import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CompletionsBody, completionsRequestOf, type PromptField, promptsOf } from '../../src/completions/request.ts'

const optionsOf = (body: Partial<CompletionsBody>) => completionsRequestOf({ prompt: 'a', echo: true, ...body }).options

describe('completionsRequestOf', () => {
  test('reads the request of lm-evaluation-harness', () => {
    const { prompts, options } = completionsRequestOf({
      ...{ model: 'tiny', temperature: 0, seed: 1234 },
      prompt: [[258, 320]],
      max_tokens: 1,
      logprobs: 1,
      echo: true
    })
    assert.deepEqual(prompts, [{ param: 'prompt/0', value: [258, 320] }])
    assert.deepEqual(options, { maxTokens: 1, echo: true, logprobs: 1, promptLogprobs: null, addSpecialTokens: true, tokensAsIds: false })
  })

  for (const [echo, expected] of [
    [true, true],
    [1, true],
    [false, false],
    [0, false],
    [null, false]
  ] as const) {
    test(`reads echo ${echo} as ${expected}`, () => assert.equal(optionsOf({ echo, max_tokens: 1 }).echo, expected))
  }

  for (const [logprobs, expected] of [
    [0, 0],
    [5, 5],
    [true, 1],
    [false, null],
    [null, null]
  ] as const) {
    test(`reads logprobs ${logprobs} as ${expected}`, () => assert.equal(optionsOf({ logprobs }).logprobs, expected))
  }

  test('generates nothing when max_tokens is missing or null and the prompt is scored', () => {
    assert.equal(optionsOf({}).maxTokens, 0)
    assert.equal(optionsOf({ max_tokens: null }).maxTokens, 0)
    assert.equal(optionsOf({ echo: false, prompt_logprobs: 0 }).maxTokens, 0)
  })

  test('treats prompt_logprobs 0 as requested', () => assert.equal(optionsOf({ prompt_logprobs: 0 }).promptLogprobs, 0))

  for (const [what, body, param] of [
    ['16 tokens, which is the default of max_tokens', {}, 'max_tokens'],
    ['null for max_tokens without a prompt to score', { max_tokens: null }, 'max_tokens'],
    ['a request without a result', { max_tokens: 0 }, 'max_tokens'],
    ['a request without a result, with logprobs', { max_tokens: 0, logprobs: 10 }, 'max_tokens'],
    ['several generated tokens', { max_tokens: 2, echo: true }, 'max_tokens'],
    ['a negative max_tokens', { max_tokens: -1, echo: true }, 'max_tokens'],
    ['a stream', { echo: true, stream: true }, 'stream'],
    ['several completions', { echo: true, n: 2 }, 'n'],
    ['no completion', { echo: true, n: 0 }, 'n'],
    ['the best of several', { echo: true, best_of: 2 }, 'best_of'],
    ['a suffix', { echo: true, suffix: 'b' }, 'suffix'],
    ['biased logits', { echo: true, logit_bias: { 50256: -100 } }, 'logit_bias'],
    ['truncation', { echo: true, truncate_prompt_tokens: 5 }, 'truncate_prompt_tokens'],
    ['embeddings', { echo: true, prompt_embeds: 'AAAA' }, 'prompt_embeds']
  ] as const) {
    test(`rejects ${what}`, () => assert.throws(() => completionsRequestOf({ prompt: 'a', ...body }), { code: 'invalid_request', param }))
  }

  test('accepts the same fields with their neutral values', () => {
    const nothing = { n: 1, best_of: 1, stream: false, suffix: null, logit_bias: {}, truncate_prompt_tokens: null, prompt_embeds: null }
    assert.deepEqual(optionsOf(nothing), optionsOf({}))
    assert.deepEqual(optionsOf({ n: null, best_of: null, stream: null, suffix: '', logit_bias: null }), optionsOf({}))
  })
})

describe('promptsOf', () => {
  for (const [what, field, expected] of [
    ['a text', 'ab', [['prompt', 'ab']]],
    ['an empty text, to which a tokenizer may add', '', [['prompt', '']]],
    [
      'texts',
      ['a', 'b'],
      [
        ['prompt/0', 'a'],
        ['prompt/1', 'b']
      ]
    ],
    ['one list of ids', [1, 2], [['prompt', [1, 2]]]],
    ['one id', [0], [['prompt', [0]]]],
    [
      'lists of ids of unequal lengths',
      [[1, 2, 3], [4]],
      [
        ['prompt/0', [1, 2, 3]],
        ['prompt/1', [4]]
      ]
    ],
    ['one nested list', [[7]], [['prompt/0', [7]]]]
  ] as const) {
    test(`accepts ${what}`, () =>
      assert.deepEqual(
        promptsOf(field).map(({ param, value }) => [param, value]),
        expected
      ))
  }

  for (const [what, field, param] of [
    ['an empty list', [], 'prompt'],
    ['an empty list of ids, naming its index', [[1], []], 'prompt/1'],
    ['a text beside ids', [[1], 'a'], 'prompt/1'],
    ['an id beside lists of ids', [[1], 2], 'prompt/1'],
    ['an id beside texts', ['a', 2], 'prompt/1'],
    ['a list of ids after an id', [1, [2]], 'prompt/1'],
    ['a text after an id', [1, 'a'], 'prompt/1']
  ] as const) {
    test(`rejects ${what}`, () => assert.throws(() => promptsOf(field as PromptField), { code: 'invalid_request', param }))
  }
})
