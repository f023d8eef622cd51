import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalizedText } from '../../src/tokenizer/library-internals.ts'

const lower = (text: string): string => text.toLowerCase()
const prepend = (text: string): string => `_${text}`

describe('normalizedText', () => {
  const CASES: readonly [string, string, Parameters<typeof normalizedText>[1], (text: string) => string, string][] = [
    ['normalizes a text', 'aB', [], lower, 'ab'],
    ['leaves added tokens as they are', 'A<Tool>B', [{ content: '<Tool>' }], lower, 'a<Tool>b'],
    ['normalizes an added token that asks for it', 'A<Tool>B', [{ content: '<Tool>', normalized: true }], lower, 'a<tool>b'],
    ['takes the longest added token', 'X<T>>X', [{ content: '<T>' }, { content: '<T>>' }], lower, 'x<T>>x'],
    ['takes added tokens literally', 'A.*B', [{ content: '.*' }], lower, 'a.*b'],
    ['normalizes each stretch between added tokens by itself', 'a<T>b', [{ content: '<T>' }], prepend, '_a<T>_b'],
    ['does nothing to an empty stretch', '<T>', [{ content: '<T>' }], prepend, '<T>'],
    ['does nothing to an empty text', '', [], prepend, '']
  ]
  for (const [what, text, added, normalize, expected] of CASES) it(what, () => assert.equal(normalizedText(text, added, normalize), expected))
})
