import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type PromptField, promptsOf } from '../../src/completions/request.ts'

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
    test(`takes ${what}`, () =>
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
    ['a list of ids behind ids', [1, [2]], 'prompt/0']
  ] as const) {
    test(`refuses ${what}`, () => assert.throws(() => promptsOf(field as PromptField), { code: 'invalid_request', param }))
  }
})
