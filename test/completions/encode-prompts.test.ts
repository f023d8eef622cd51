import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodePrompts } from '../../src/completions/encode-prompts.ts'
import { type CompletionsBody, completionsRequestOf } from '../../src/completions/request.ts'
import type { TokenizerInfo } from '../../src/tokenizer/tokenizer.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { present } from '../support/present.ts'

const BEGIN = 0
const WITH_BEGIN: Partial<TokenizerInfo> = { added: { before: [BEGIN], after: [] } }

async function encoded(body: CompletionsBody, facts: Partial<TokenizerInfo> = {}, tokenizer = new FakeTokenizer({ facts })) {
  const context = { tokenizer, vocabSize: 14, maxModelLen: 8, prefixTokenId: BEGIN, toleranceNats: 1e-3, claimsFloat32: true }
  return encodePrompts(completionsRequestOf({ echo: true, ...body }), context)
}
const idsOf = async (...args: Parameters<typeof encoded>): Promise<number[][]> => (await encoded(...args)).map(({ ids }) => [...ids])

describe('encodePrompts', () => {
  test('parses control tokens that a text spells', async () => assert.deepEqual(await idsOf({ prompt: '<s>ab' }), [[BEGIN, 6]]))

  test('adds the tokens of the post-processor to a text, if it has any', async () => {
    assert.deepEqual(await idsOf({ prompt: 'ab' }, WITH_BEGIN), [[BEGIN, 6]])
    assert.deepEqual(await idsOf({ prompt: 'ab' }, { added: { before: [BEGIN], after: [1] } }), [[BEGIN, 6, 1]])
    // The prefix token of the service is another thing: it belongs to /v1/logprob.
    assert.deepEqual(await idsOf({ prompt: 'ab' }), [[6]])
  })

  test('adds no second BOS to a text that starts with one', async () => {
    const [prompt] = await encoded({ prompt: '<s>ab' }, WITH_BEGIN)
    assert.deepEqual([[...present(prompt?.ids)], prompt?.addedBefore], [[BEGIN, 6], 0])
  })

  test('adds nothing with add_special_tokens: false', async () => {
    assert.deepEqual(await idsOf({ prompt: 'ab', add_special_tokens: false }, WITH_BEGIN), [[6]])
  })

  test('never changes ids', async () => {
    assert.deepEqual(await idsOf({ prompt: [[6], [BEGIN, BEGIN, 6]], add_special_tokens: true }, WITH_BEGIN), [[6], [BEGIN, BEGIN, 6]])
  })

  test('returns the numbers of added ids', async () => {
    const [prompt] = await encoded({ prompt: 'ab' }, { added: { before: [BEGIN], after: [1] } })
    assert.deepEqual([prompt?.addedBefore, prompt?.addedAfter], [1, 1])
  })

  test('accepts an empty text only when the tokenizer adds a token to it', async () => {
    assert.deepEqual(await idsOf({ prompt: '' }, WITH_BEGIN), [[BEGIN]])
    await assert.rejects(encoded({ prompt: ['a', ''] }), { code: 'invalid_request', param: 'prompt/1' })
  })

  test('tokenizes equal texts once', async () => {
    const tokenizer = new FakeTokenizer()
    await encoded({ prompt: ['ab', 'a', 'ab'] }, {}, tokenizer)
    assert.deepEqual(tokenizer.calls, [['ab', 'a']])
  })

  for (const [what, prompt, code, param] of [
    ['an id outside of the vocabulary', [[1], [14]], 'token_out_of_range', 'prompt/1'],
    ['a negative id', [-1], 'token_out_of_range', 'prompt'],
    ['a lone surrogate', ['a', 'b', '\ud800'], 'invalid_text', 'prompt/2']
  ] as const) {
    test(`rejects the whole request for ${what}, naming its index`, () => assert.rejects(encoded({ prompt }), { code, param }))
  }

  describe('with a context of 8 tokens', () => {
    for (const [maxTokens, tokens, isAccepted] of [
      [1, 8, true],
      [1, 9, false],
      [0, 9, true],
      [0, 10, false]
    ] as const) {
      test(`${isAccepted ? 'accepts' : 'rejects'} ${tokens} ids with max_tokens ${maxTokens}`, async () => {
        const asked = encoded({ prompt: [[3], Array.from({ length: tokens }, () => 4)], max_tokens: maxTokens })
        if (isAccepted) assert.equal((await asked)[1]?.ids.length, tokens)
        else await assert.rejects(asked, { code: 'context_length_exceeded', param: 'prompt/1', message: new RegExp(`\\b8 tokens.*\\b${tokens} tokens`) })
      })
    }

    test('counts the tokens of the post-processor', async () => {
      await assert.rejects(encoded({ prompt: 'ccccccccc' }, WITH_BEGIN), { code: 'context_length_exceeded' })
      assert.equal((await idsOf({ prompt: 'ccccccccc' }))[0]?.length, 9)
    })

    test('rejects a text by its minimum token count, before tokenizing it', async () => {
      const tokenizer = new FakeTokenizer()
      await assert.rejects(encoded({ prompt: 'ab'.repeat(1000) }, {}, tokenizer), { code: 'context_length_exceeded', message: /at least 500 tokens/ })
      assert.equal(tokenizer.calls.length, 0)
    })
  })
})
