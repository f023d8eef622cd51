import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tokenizeChunks } from '../../src/tokenizer/thread-tokenizer.ts'

describe('portions', () => {
  test('are as long as they may be, in order, and leave no text out', () =>
    assert.deepEqual([...tokenizeChunks(['ab', 'c', '', 'def', 'g', 'h'], 4)], [['ab', 'c', ''], ['def', 'g'], ['h']]))

  test('give a text that is longer by itself one of its own', () => assert.deepEqual([...tokenizeChunks(['a', 'bcdefg', 'h'], 4)], [['a'], ['bcdefg'], ['h']]))

  test('are none of no texts', () => assert.deepEqual([...tokenizeChunks([])], []))
})
