import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import type { LogprobItem, LogprobOptions, Term } from '../../src/encoding/logprob-item.ts'
import { ServiceError } from '../../src/errors.ts'
import type { InputInfo } from '../../src/scoring/checks/input-checks.ts'
import type { PartSizes } from '../../src/scoring/scored-sequence.ts'
import { chatOf } from '../support/conversation.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { contextOf, encodeOne, itemOf, optionsOf } from '../support/logprob-items.ts'

const sizes = (prefix: number, x: number, y: number, eos = 0): PartSizes => ({ prefix, x, y, eos })
const CHAT = chatOf([{ role: 'user', content: 'a' }], { addGenerationPrompt: true })
const EMPTY = new FakeTokenizer()

describe('encodeItems encodes', () => {
  const CASES: readonly [string, LogprobItem, Partial<LogprobOptions>, Partial<EncodingContext>, number[], PartSizes, string][] = [
    ['prefix token, x and y', itemOf('a', ' a'), {}, {}, [0, 3, 8], sizes(1, 1, 1), 'joint'],
    ['x and y separately where they merge', itemOf('a', 'bc'), {}, {}, [0, 3, 7], sizes(1, 1, 1), 'split'],
    ['an empty x', itemOf('', 'ab'), {}, {}, [0, 6], sizes(1, 0, 1), 'joint'],
    ['an empty x as ids', itemOf([], 'ab'), {}, {}, [0, 6], sizes(1, 0, 1), 'joint'],
    ['an end token after y', itemOf('a', ' a'), { eos: 'score' }, {}, [0, 3, 8, 1], sizes(1, 1, 1, 1), 'joint'],
    ['an end token without y', itemOf('a', ''), { eos: 'score' }, {}, [0, 3, 1], sizes(1, 1, 0, 1), 'joint'],
    ['no prefix token under prefix_token: none', itemOf('a', ' a'), { prefixToken: 'none' }, {}, [3, 8], sizes(0, 1, 1), 'joint'],
    ['no prefix token when the model has none', itemOf('a', ' a'), {}, { prefixTokenId: null }, [3, 8], sizes(0, 1, 1), 'joint'],
    ['token ids unchanged', itemOf([3, 4], [5, 19]), {}, {}, [0, 3, 4, 5, 19], sizes(1, 2, 2), 'tokens'],
    ['token ids under boundary tokens', itemOf([3], [4]), { boundary: 'tokens' }, {}, [0, 3, 4], sizes(1, 1, 1), 'tokens'],
    ['ids followed by text, which cannot merge', itemOf([3], 'b'), {}, {}, [0, 3, 4], sizes(1, 1, 1), 'tokens'],
    ['text followed by ids', itemOf('a', [4]), {}, {}, [0, 3, 4], sizes(1, 1, 1), 'tokens'],
    ['white space moved from x to y', itemOf('a ', 'a'), { boundary: 'move_space' }, {}, [0, 3, 8], sizes(1, 1, 1), 'moved_space'],
    ['x without white space to move', itemOf('a', ' a'), { boundary: 'move_space' }, {}, [0, 3, 8], sizes(1, 1, 1), 'joint'],
    ['spelled control tokens as text', itemOf('<s>', 'a'), {}, {}, [0, 11, 12, 13, 3], sizes(1, 3, 1), 'joint'],
    ['control tokens under parse_special_tokens', itemOf('a<s>', 'a'), { parseSpecialTokens: true }, {}, [0, 3, 0, 3], sizes(1, 2, 1), 'joint'],
    ['a conversation whose template writes the prefix token', itemOf(CHAT, 'b'), {}, {}, [0, 3, 1, 4], sizes(1, 2, 1), 'tokens'],
    ['a conversation for a model without prefix token', itemOf(CHAT, 'b'), {}, { prefixTokenId: null }, [0, 3, 1, 4], sizes(0, 3, 1), 'tokens'],
    [
      'a generation prompt whose end merges with y',
      itemOf(CHAT, 'bc'),
      {},
      { tokenizer: new FakeTokenizer({ chatTail: 'a' }) },
      [0, 3, 1, 3, 7],
      sizes(1, 3, 1),
      'split'
    ]
  ]
  for (const [what, item, options, context, ids, expectedSizes, policy] of CASES) {
    it(what, async () => {
      const encoded = await encodeOne(item, options, context)
      assert.deepEqual(encoded.ids, Int32Array.from(ids))
      assert.deepEqual(encoded.sizes, expectedSizes)
      assert.equal(encoded.boundary.policy, policy)
    })
  }
})

describe('encodeItems rejects', () => {
  const CASES: readonly [string, LogprobItem, Partial<LogprobOptions>, Partial<EncodingContext>, string, string | undefined][] = [
    ['an empty y', itemOf('a', ''), {}, {}, 'empty_completion', 'y'],
    [
      'a y that the normalizer removes, despite an end token',
      itemOf('a', ' '),
      { eos: 'score' },
      { tokenizer: new FakeTokenizer({ facts: { hasNormalizer: true }, normalize: (text) => text.trim() }) },
      'empty_completion',
      'y'
    ],
    ['an empty y as ids', itemOf('a', []), {}, {}, 'empty_completion', 'y'],
    ['an empty x without prefix token', itemOf('', 'a'), { prefixToken: 'none' }, {}, 'no_prefix_token', 'x'],
    [
      'an end token that the model lacks',
      itemOf('a', 'b'),
      { eos: 'score' },
      { tokenizer: new FakeTokenizer({ facts: { endId: null } }) },
      'no_end_token',
      'eos'
    ],
    ['a merge under strict', itemOf('a', 'b'), { boundary: 'strict' }, {}, 'boundary_merged', 'boundary'],
    ['text under boundary tokens', itemOf([3], 'b'), { boundary: 'tokens' }, {}, 'invalid_request', 'y'],
    ['an id past the vocabulary', itemOf([20], 'a'), {}, {}, 'token_out_of_range', 'x'],
    // The fake tokenizer has the ids 12 (s) and 13 (>).
    ['a text with an id that the model has no logit for', itemOf('a>', 'a'), {}, { vocabSize: 13 }, 'token_out_of_range', 'x'],
    ['the same in y', itemOf('a', '>'), {}, { vocabSize: 13 }, 'token_out_of_range', 'y'],
    ['a negative id', itemOf('a', [-1]), {}, {}, 'token_out_of_range', 'y'],
    ['a lone surrogate in x', itemOf('a\ud800', 'b'), {}, {}, 'invalid_text', 'x'],
    ['a lone surrogate in y', itemOf('a', '\udc00b'), {}, {}, 'invalid_text', 'y'],
    ['a lone surrogate in a message', itemOf(chatOf([{ role: 'user', content: '\ud800' }]), 'b'), {}, {}, 'invalid_text', 'x'],
    ['a y that leaves no room for x', itemOf('a', ' a a a'), { onOverflow: 'truncate_left' }, { maxModelLen: 4 }, 'context_length_exceeded', 'x']
  ]
  for (const [what, item, options, context, code, param] of CASES) {
    it(what, () => assert.rejects(encodeOne(item, options, context), { name: 'ServiceError', code, param }))
  }

  it('one invalid item and encodes the others', async () => {
    const encoded = await encodeItems([itemOf('a', 'b', 0), itemOf([99], 'b', 1), itemOf('a', '', 2), itemOf('', 'ab', 3)], optionsOf(), contextOf())
    assert.deepEqual(
      encoded.map((one) => (one instanceof ServiceError ? one.code : [...one.ids])),
      [[0, 3, 4], 'token_out_of_range', 'empty_completion', [0, 6]]
    )
  })
})

describe('encodeItems and the context limit', () => {
  // Prefix token, three tokens of x, one of y.
  const item = itemOf('a a a', ' a')
  for (const maxModelLen of [6, 5]) {
    it(`accepts 5 tokens in a context of ${maxModelLen}`, async () => assert.equal((await encodeOne(item, {}, { maxModelLen })).ids.length, 5))
  }

  it('rejects 5 tokens for a context of 4, with both numbers', () =>
    assert.rejects(encodeOne(item, {}, { maxModelLen: 4 }), { code: 'context_length_exceeded', message: /has 5 tokens .* context is 4 tokens/ }))

  it('counts the end token', () => assert.rejects(encodeOne(item, { eos: 'score' }, { maxModelLen: 5 }), { code: 'context_length_exceeded' }))

  it('rejects a text by its minimum token count, before tokenizing it', async () => {
    const tokenizer = new FakeTokenizer()
    // 33 bytes at two per token: 17 tokens.
    await assert.rejects(encodeOne(itemOf('a'.repeat(33), 'b'), {}, { tokenizer }), {
      code: 'context_length_exceeded',
      param: 'x',
      message: /at least 17 tokens/
    })
    assert.deepEqual(tokenizer.calls.flat(), [])
  })

  it('counts the spelling of control tokens in the minimum token count', async () => {
    // 36 bytes: 18 tokens of two bytes would be too many, but 9 control tokens fit.
    assert.equal((await encodeOne(itemOf('</s>'.repeat(9), 'b'), { parseSpecialTokens: true })).ids.length, 11)
  })

  it('truncates x from the left under truncate_left, and scores only y', async () => {
    const encoded = await encodeOne(item, { onOverflow: 'truncate_left' }, { maxModelLen: 4 })
    assert.deepEqual(encoded.ids, Int32Array.of(0, 8, 8, 8))
    assert.deepEqual(encoded.sizes, sizes(1, 2, 1))
    assert.deepEqual(encoded.lengths.x, { tokens: 2, chars: 4, bytes: 4 })
    assert.equal(encoded.inputInfo.droppedTokens, 1)
    assert.deepEqual([encoded.scoredStart, encoded.scoredEnd], [3, 4])
    assert.deepEqual(
      encoded.warnings.map(({ code, message }) => [code, /first 1 tokens/.test(message)]),
      [['truncated_left', true]]
    )
  })

  it('truncates nothing that fits', async () => {
    const encoded = await encodeOne(item, { onOverflow: 'truncate_left' }, { maxModelLen: 5 })
    assert.deepEqual([encoded.inputInfo.droppedTokens, encoded.warnings], [0, []])
  })
})

describe('encodeItems marks for scoring', () => {
  // [0 | 3 8 | 8 | 1]
  const item = itemOf('a a', ' a')
  const CASES: readonly [readonly Term[], number, number][] = [
    [['joint', 'marginal', 'conditional'], 1, 5],
    [['joint'], 1, 5],
    [['marginal'], 1, 3],
    [['conditional'], 3, 5],
    [['marginal', 'conditional'], 1, 5]
  ]
  for (const [terms, start, end] of CASES) {
    it(`tokens ${start} to ${end} for ${terms.join(' and ')}`, async () => {
      const encoded = await encodeOne(item, { terms: new Set(terms), eos: 'score' })
      assert.deepEqual([encoded.scoredStart, encoded.scoredEnd], [start, end])
    })
  }

  it('never the first token without a prefix token', async () => {
    const encoded = await encodeOne(item, { prefixToken: 'none' })
    assert.deepEqual([encoded.scoredStart, encoded.scoredEnd], [1, 3])
  })
})

describe('encodeItems reports', () => {
  it('lengths in tokens, code points and bytes', async () => {
    assert.deepEqual((await encodeOne(itemOf('aé', ' a'))).lengths, { x: { tokens: 3, chars: 2, bytes: 3 }, y: { tokens: 1, chars: 2, bytes: 2 } })
  })

  it('lengths of the text that ids spell', async () => {
    assert.deepEqual((await encodeOne(itemOf([3, 9, 10], [8]))).lengths, { x: { tokens: 3, chars: 2, bytes: 3 }, y: { tokens: 1, chars: 2, bytes: 2 } })
  })

  it('the scored x and y when white space moved', async () => {
    assert.deepEqual((await encodeOne(itemOf('a ', 'a'), { boundary: 'move_space' })).boundary.scored, { x: 'a', y: ' a' })
  })

  it('a merged boundary as a warning that names the token', async () => {
    const { warnings, inputInfo } = await encodeOne(itemOf('a', 'bc'))
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['boundary_merged']
    )
    assert.match(warnings[0]!.message, /"ab" \(id 6\)/)
    assert.equal(inputInfo.straddlingToken?.id, 6)
  })

  it('a missing prefix token as a warning', async () => {
    const { warnings } = await encodeOne(itemOf('a', ' a'), { prefixToken: 'none' })
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['conditional_on_first_token']
    )
  })

  const lowerCase = new FakeTokenizer({ facts: { hasNormalizer: true }, normalize: (text) => text.toLowerCase() })
  const exact = { match: 'exact' } as const
  const unknown = { match: 'unknown' } as const
  const SPELLINGS: readonly [string, LogprobItem, FakeTokenizer, InputInfo['spelling'], InputInfo['normalization']][] = [
    ['tokens that spell the text', itemOf('aé', 'b'), EMPTY, { x: exact, y: exact, isMisplaced: false }, { x: exact, y: exact }],
    [
      'a text that the normalizer changed',
      itemOf('aA', 'b'),
      lowerCase,
      { x: exact, y: exact, isMisplaced: false },
      { x: { match: 'different', atByte: 1 }, y: exact }
    ],
    [
      'a text that they do not spell',
      itemOf('aA', 'b'),
      new FakeTokenizer({ normalize: (text) => text.toLowerCase() }),
      { x: { match: 'different', atByte: 1 }, y: exact, isMisplaced: false },
      { x: exact, y: exact }
    ],
    ['the text beside ids', itemOf([3], 'b'), EMPTY, { x: unknown, y: exact, isMisplaced: false }, { x: unknown, y: exact }],
    ['ids alone', itemOf([3], [4]), EMPTY, { x: unknown, y: unknown, isMisplaced: false }, { x: unknown, y: unknown }],
    ['the output of a conversation', itemOf(CHAT, 'b'), EMPTY, { x: unknown, y: exact, isMisplaced: false }, { x: unknown, y: exact }]
  ]
  for (const [what, item, tokenizer, spelling, normalization] of SPELLINGS) {
    it(`how the tokens compare with ${what}`, async () => {
      const { inputInfo } = await encodeOne(item, {}, { tokenizer })
      assert.deepEqual([inputInfo.spelling, inputInfo.normalization], [spelling, normalization])
    })
  }

  it('no offsets for a text that the normalizer changed', async () => {
    const { text } = await encodeOne(itemOf('aA', 'b'), {}, { tokenizer: lowerCase })
    assert.equal(text.x.bytes, null)
    assert.deepEqual(text.y.bytes, Buffer.from('b'))
  })

  it('a truncated x as a suffix of its text', async () => {
    const { inputInfo, text } = await encodeOne(itemOf('a a a', ' a'), { onOverflow: 'truncate_left' }, { maxModelLen: 4 })
    assert.deepEqual(inputInfo.spelling, { x: exact, y: exact, isMisplaced: false })
    assert.deepEqual([inputInfo.xTokens, inputInfo.sizes.x, inputInfo.droppedTokens], [3, 2, 1])
    assert.deepEqual([text.x.start, text.x.bytes], [1, Buffer.from('a a a')])
  })

  const CONTROLS: readonly [string, LogprobItem, boolean, number, boolean][] = [
    ['none for text that spells one', itemOf('<s>', 'a'), false, 0, true],
    ['one under parse_special_tokens', itemOf('a<s>', 'a'), true, 1, true],
    ['one sent as id', itemOf([3, 1], 'a'), false, 1, true],
    ['one sent as id, none for text that spells one', itemOf([3, 1], '<s>'), false, 1, true],
    ["none for a template's own", itemOf(CHAT, 'a'), false, 0, true]
  ]
  for (const [what, item, parseSpecialTokens, count, wanted] of CONTROLS) {
    it(`control tokens: ${what}`, async () => {
      const { inputInfo } = await encodeOne(item, { parseSpecialTokens })
      assert.deepEqual([inputInfo.controlTokenCount, inputInfo.controlTokensWanted], [count, wanted])
    })
  }

  it('equal texts after tokenizing them once', async () => {
    const tokenizer = new FakeTokenizer()
    await encodeItems([itemOf('a', 'b'), itemOf('a', ' a'), itemOf('a', 'b')], optionsOf(), contextOf({ tokenizer }))
    // The last call is for the hint that a space is missing between a and b.
    assert.deepEqual(tokenizer.calls, [['a', 'ab', 'a a'], ['b'], [' ab', ' a b']])
  })
})
