import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CompletionsBody, completionsRequestOf } from '../../src/completions/request.ts'

const optionsOf = (body: Partial<CompletionsBody>) => completionsRequestOf({ prompt: 'a', echo: true, ...body }).options

describe('completionsRequestOf', () => {
  test('takes the request of lm-evaluation-harness', () => {
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

  test('generates nothing when max_tokens is left out or null and the prompt is to be scored', () => {
    assert.equal(optionsOf({}).maxTokens, 0)
    assert.equal(optionsOf({ max_tokens: null }).maxTokens, 0)
    assert.equal(optionsOf({ echo: false, prompt_logprobs: 0 }).maxTokens, 0)
  })

  test('takes 0 prompt_logprobs for a wish', () => assert.equal(optionsOf({ prompt_logprobs: 0 }).promptLogprobs, 0))

  for (const [what, body, param] of [
    ['16 tokens, which is the default of max_tokens', {}, 'max_tokens'],
    ['null for max_tokens without anything to score', { max_tokens: null }, 'max_tokens'],
    ['a request that nothing could be answered to', { max_tokens: 0 }, 'max_tokens'],
    ['the same with logprobs', { max_tokens: 0, logprobs: 10 }, 'max_tokens'],
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
    test(`refuses ${what}`, () => assert.throws(() => completionsRequestOf({ prompt: 'a', ...body }), { code: 'invalid_request', param }))
  }

  test('takes the same fields where they ask for nothing', () => {
    const nothing = { n: 1, best_of: 1, stream: false, suffix: null, logit_bias: {}, truncate_prompt_tokens: null, prompt_embeds: null }
    assert.deepEqual(optionsOf(nothing), optionsOf({}))
    assert.deepEqual(optionsOf({ n: null, best_of: null, stream: null, suffix: '', logit_bias: null }), optionsOf({}))
  })
})
