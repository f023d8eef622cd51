import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tokenStarts } from '../../src/tokenizer/token-bytes.ts'

const starts = (tokens: readonly string[], text: string): number[] | null =>
  tokenStarts(
    tokens.map((token) => Buffer.from(token)),
    Buffer.from(text)
  )

describe('tokenStarts', () => {
  it('has the first byte of each token and the length', () => assert.deepEqual(starts(['a', ' bc', 'é', 'd'], 'a bcéd'), [0, 1, 4, 6, 7]))
  it('has the length alone of no tokens', () => assert.deepEqual(starts([], ''), [0]))
  it('does not count a space that the tokenizer puts in front', () => assert.deepEqual(starts([' a', ' b'], 'a b'), [0, 1, 3]))
  it('counts a space that stands in the text', () => assert.deepEqual(starts([' a', ' b'], ' a b'), [0, 2, 4]))
  it('is null for tokens that spell another text', () => {
    assert.equal(starts(['a', 'c'], 'ab'), null)
    assert.equal(starts(['a'], 'ab'), null)
    assert.equal(starts(['x', 'ab'], 'ab'), null)
  })
})
