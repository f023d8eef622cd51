import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalizedText, useUnicodeWhiteSpace } from '../../src/tokenizer/library-internals.ts'
import { contextWith } from '../support/loaded-tokenizer.ts'
import { byteLevel, sentencePiece, type TokenizerFiles } from '../support/tokenizers.ts'

const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
const template = (before: readonly string[], after: readonly string[], ids: Readonly<Record<string, number>>): object => ({
  type: 'TemplateProcessing',
  single: [...before.map(special), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(special)],
  pair: [],
  special_tokens: Object.fromEntries(Object.entries(ids).map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]))
})
const withProcessor = ({ tokenizer, config }: TokenizerFiles, post_processor: object): TokenizerFiles => ({
  tokenizer: { ...tokenizer, post_processor },
  config
})

describe('addedTokensOf', () => {
  for (const [what, files, expected] of [
    ['nothing without post-processor', byteLevel(), { before: [], after: [] }],
    [
      'nothing for a post-processor that only trims offsets',
      byteLevel({ post_processor: { type: 'ByteLevel', trim_offsets: false, add_prefix_space: false } }),
      { before: [], after: [] }
    ],
    ['a BOS in front', withProcessor(sentencePiece('normalizer'), template(['<s>'], [], { '<s>': 1 })), { before: [1], after: [] }],
    [
      'a BOS in front and an end token at the end',
      withProcessor(sentencePiece('none'), template(['<s>'], ['</s>'], { '<s>': 1, '</s>': 2 })),
      { before: [1], after: [2] }
    ]
  ] as const) {
    it(`finds ${what}`, async (t) => assert.deepEqual((await contextWith(t, files)).tokenizer.info.added, expected))
  }
})

const lower = (text: string): string => text.toLowerCase()
const prepend = (text: string): string => `_${text}`

describe('normalizedText', () => {
  const CASES: readonly [string, string, Parameters<typeof normalizedText>[1], (text: string) => string, string][] = [
    ['normalizes a text', 'aB', [], lower, 'ab'],
    ['does not change added tokens', 'A<Tool>B', [{ content: '<Tool>' }], lower, 'a<Tool>b'],
    ['normalizes an added token with normalized: true', 'A<Tool>B', [{ content: '<Tool>', normalized: true }], lower, 'a<tool>b'],
    ['finds the longest added token', 'X<T>>X', [{ content: '<T>' }, { content: '<T>>' }], lower, 'x<T>>x'],
    ['escapes added tokens that are special in a regular expression', 'A.*B', [{ content: '.*' }], lower, 'a.*b'],
    ['normalizes each stretch between added tokens separately', 'a<T>b', [{ content: '<T>' }], prepend, '_a<T>_b'],
    ['does not change an empty stretch', '<T>', [{ content: '<T>' }], prepend, '<T>'],
    ['does not change an empty text', '', [], prepend, '']
  ]
  for (const [what, text, added, normalize, expected] of CASES) it(what, () => assert.equal(normalizedText(text, added, normalize), expected))
})

function patched(pattern: RegExp): RegExp {
  const preTokenizer = { pattern }
  useUnicodeWhiteSpace(preTokenizer)
  return preTokenizer.pattern
}

describe('useUnicodeWhiteSpace', () => {
  const TEXT = ' \ufeff \u0085a'

  it('does not treat the byte order mark as white space, but U+0085, unlike JavaScript', () => {
    assert.deepEqual(TEXT.match(patched(/ ?\S+|\s+(?!\S)|\s+/gu)), [' \ufeff', ' ', '\u0085', 'a'])
    assert.deepEqual(TEXT.match(/ ?\S+|\s+(?!\S)|\s+/gu), [' \ufeff', ' \u0085a'])
  })

  it('changes character classes too, and nothing else', () => {
    assert.equal(patched(/[^\s\p{L}\\s]\d(?!\S)/gu).source, '[^\\p{White_Space}\\p{L}\\\\s]\\d(?!\\P{White_Space})')
    assert.equal(patched(/\s/giu).flags, 'giu')
  })

  it('does not change a pattern without Unicode flag', () => assert.equal(patched(/\s/g).source, '\\s'))

  it('handles sequences and pre-tokenizers without pattern', () => {
    const inner = { pattern: /\s/u }
    useUnicodeWhiteSpace({ tokenizers: [null, {}, { tokenizers: [inner] }] })
    useUnicodeWhiteSpace(null)
    assert.equal(inner.pattern.source, '\\p{White_Space}')
  })
})
