import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalized } from '../../src/scoring/normalized.ts'

describe('normalized', () => {
  it('divides by tokens, code points and bytes', () => {
    assert.deepEqual(normalized(-8, { tokens: 2, chars: 4, bytes: 16 }), {
      per_token: -4,
      per_char: -2,
      per_byte: -0.5,
      bits_per_byte: 0.5 / Math.LN2,
      perplexity: Math.exp(4)
    })
  })

  it('gives one bit per byte for bytes of probability 1/2', () =>
    assert.equal(normalized(8 * Math.log(0.5), { tokens: 3, chars: 8, bytes: 8 })!.bits_per_byte, 1))

  it('gives a uniform choice among n tokens a perplexity of n', () => {
    assert.ok(Math.abs(normalized(5 * Math.log(1 / 50), { tokens: 5, chars: 1, bytes: 1 })!.perplexity - 50) < 1e-9)
  })

  it('is null without tokens', () => assert.equal(normalized(0, { tokens: 0, chars: 0, bytes: 0 }), null))

  it('has no values per character or byte if the tokens spell no text', () => {
    assert.deepEqual(normalized(-2, { tokens: 1, chars: 0, bytes: 0 }), {
      per_token: -2,
      per_char: null,
      per_byte: null,
      bits_per_byte: null,
      perplexity: Math.exp(2)
    })
  })
})
