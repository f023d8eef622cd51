import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AddedToken, AddedTokens } from '../../src/tokenizer/added-tokens.ts'

function parts(text: string, tokens: readonly Omit<AddedToken, 'id'>[]): string[] {
  const pieces = new AddedTokens(tokens.map((token, id) => ({ id, ...token }))).split(text)
  return pieces.map(({ start, end, token }) => (token === null ? '' : `${token.content}:`) + text.slice(start, end))
}

describe('AddedTokens', () => {
  it('finds the longest of the tokens that begin at a position', () => {
    assert.deepEqual(parts('a<T>>b<T>', [{ content: '<T>' }, { content: '<T>>' }]), ['a', '<T>>:<T>>', 'b', '<T>:<T>'])
  })

  it('gives white space to a token that takes it: of Unicode, without the byte order mark', () => {
    assert.deepEqual(parts('a \u0085<T>\u3000\n\ufeffb', [{ content: '<T>', lstrip: true, rstrip: true }]), ['a', '<T>: \u0085<T>\u3000\n', '\ufeffb'])
  })

  it('does not give the white space between two tokens to both', () => {
    assert.deepEqual(parts('<T>  <T>', [{ content: '<T>', lstrip: true, rstrip: true }]), ['<T>:<T>  ', '<T>:<T>'])
  })

  it('finds a token in the white space that the one before it takes', () => {
    assert.deepEqual(parts('<T>\n\n b', [{ content: '<T>', rstrip: true }, { content: '\n\n' }]), ['<T>:<T>', '\n\n:\n\n', ' b'])
  })

  it('finds a single word only between other characters than those of words', () => {
    assert.deepEqual(parts('in bin in-2 _in é-in𝒳 in', [{ content: 'in', single_word: true }]), ['in:in', ' bin ', 'in:in', '-2 _in é-in𝒳 ', 'in:in'])
  })

  it('leaves a token that may not be one as text, and finds one inside it', () => {
    const tokens = new AddedTokens([
      { id: 0, content: '<<s>' },
      { id: 1, content: '<s>' }
    ])
    const pieces = tokens.split('<<s>', ({ id }) => id === 1)
    assert.deepEqual(
      pieces.map(({ start, token }) => [start, token?.id]),
      [
        [0, undefined],
        [1, 1]
      ]
    )
  })
})
