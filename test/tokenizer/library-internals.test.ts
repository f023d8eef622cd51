import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useUnicodeWhiteSpace } from '../../src/tokenizer/library-internals.ts'
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

describe('addedIdsOf', () => {
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
