import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useUnicodeWhiteSpace } from '../../src/tokenizer/library-internals.ts'

function patched(pattern: RegExp): RegExp {
  const preTokenizer = { pattern }
  useUnicodeWhiteSpace(preTokenizer)
  return preTokenizer.pattern
}

describe('useUnicodeWhiteSpace', () => {
  const TEXT = ' \ufeff \u0085a'

  it('takes the byte order mark for no space and U+0085 for one, unlike JavaScript', () => {
    assert.deepEqual(TEXT.match(patched(/ ?\S+|\s+(?!\S)|\s+/gu)), [' \ufeff', ' ', '\u0085', 'a'])
    assert.deepEqual(TEXT.match(/ ?\S+|\s+(?!\S)|\s+/gu), [' \ufeff', ' \u0085a'])
  })

  it('changes classes too, and nothing else', () => {
    assert.equal(patched(/[^\s\p{L}\\s]\d(?!\S)/gu).source, '[^\\p{White_Space}\\p{L}\\\\s]\\d(?!\\P{White_Space})')
    assert.equal(patched(/\s/giu).flags, 'giu')
  })

  it('leaves patterns alone that know no Unicode properties', () => assert.equal(patched(/\s/g).source, '\\s'))

  it('looks into sequences, and takes what has no pattern', () => {
    const inner = { pattern: /\s/u }
    useUnicodeWhiteSpace({ tokenizers: [null, {}, { tokenizers: [inner] }] })
    useUnicodeWhiteSpace(null)
    assert.equal(inner.pattern.source, '\\p{White_Space}')
  })
})
