import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { asTokensSpell, bytesOfToken, dropsLeadingSpace, type TokenizerJson, tokenBytesOf, tokenStarts } from '../../src/tokenizer/token-bytes.ts'

const BYTE_LEVEL = { type: 'ByteLevel' }

function bytesFor(json: Partial<TokenizerJson>): number[][] {
  const table = tokenBytesOf({ model: { vocab: {} }, ...json })
  return Array.from({ length: table.starts.length - 1 }, (_, id) => [...bytesOfToken(table, id)])
}

/** The bytes of one token, in hex. */
function bytesOfSpelling(spelling: string, decoder: TokenizerJson['decoder']): string {
  return Buffer.from(bytesOfToken(tokenBytesOf({ model: { vocab: { [spelling]: 0 } }, decoder: decoder ?? null }), 0)).toString('hex')
}

describe('tokenBytesOf', () => {
  const SPELLINGS: readonly [string, TokenizerJson['decoder'], string, string][] = [
    ['a byte-level token', BYTE_LEVEL, 'the', '746865'],
    ['a byte-level space', BYTE_LEVEL, 'Ġthe', '20746865'],
    ['a byte-level line feed', BYTE_LEVEL, 'Ċ', '0a'],
    ['a byte-level character of two bytes', BYTE_LEVEL, 'Ã©', 'c3a9'],
    ['a byte-level soft hyphen byte', BYTE_LEVEL, 'Ń', 'ad'],
    ['a byte-level token with a character outside the table', BYTE_LEVEL, '中', 'e4b8ad'],
    ['a byte-level decoder inside a sequence', { type: 'Sequence', decoders: [{ type: 'Strip' }, BYTE_LEVEL] }, 'Ġ', '20'],
    ['a SentencePiece space', { type: 'Metaspace' }, '▁the▁', '2074686520'],
    ['a SentencePiece byte', { type: 'ByteFallback' }, '<0x0A>', '0a'],
    ['a SentencePiece byte above 127', null, '<0xE4>', 'e4'],
    ['a token that only looks like a byte', null, '<0xG0>', '3c307847303e'],
    ['a SentencePiece token with a character of the byte-level table', null, 'Ġ', 'c4a0']
  ]
  for (const [what, decoder, spelling, hex] of SPELLINGS) it(`reads ${what}`, () => assert.equal(bytesOfSpelling(spelling, decoder), hex))

  it('has a byte-level character for each of the 256 bytes', () => {
    const characters = Array.from({ length: 0x144 }, (_, code) => String.fromCodePoint(code))
    const single = characters
      .map((character) => bytesOfSpelling(character, BYTE_LEVEL))
      .filter((hex, code) => hex.length === 2 && (code > 32 || hex !== characters[code]))
    const printable = new Set(single)
    for (let byte = 0; byte < 256; byte++) assert.ok(printable.has(byte.toString(16).padStart(2, '0')), `byte ${byte}`)
  })

  it('returns no bytes for ids without a token', () => {
    assert.deepEqual(bytesFor({ model: { vocab: { a: 2, b: 0 } } }), [[98], [], [97]])
  })

  it('reads the list of tokens and scores of a Unigram model', () => {
    assert.deepEqual(bytesFor({ model: { vocab: [['▁a', -1] as const, ['b', -2] as const] } }), [[32, 97], [98]])
  })

  it('returns no bytes for control tokens, and the text of other added tokens', () => {
    const added_tokens = [
      { id: 1, content: '<s>', special: true },
      { id: 2, content: '  ', special: false },
      { id: 3, content: 'é' }
    ]
    assert.deepEqual(bytesFor({ model: { vocab: { a: 0, '<s>': 1 } }, decoder: BYTE_LEVEL, added_tokens }), [[97], [], [32, 32], [0xc3, 0xa9]])
  })
})

describe('dropsLeadingSpace', () => {
  const STRIP = { type: 'Strip', content: ' ', start: 1, stop: 0 }
  const DECODERS: readonly [string, TokenizerJson['decoder'], boolean][] = [
    ['a decoder that strips a space', { type: 'Sequence', decoders: [{ type: 'Fuse' }, STRIP] }, true],
    ['a decoder that strips at the end', { ...STRIP, start: 0 }, false],
    ['a decoder that strips another character', { ...STRIP, content: '▁' }, false],
    ['Metaspace', { type: 'Metaspace' }, true],
    ['Metaspace that prepends to the first stretch', { type: 'Metaspace', prepend_scheme: 'first' }, true],
    ['Metaspace that prepends nothing', { type: 'Metaspace', prepend_scheme: 'never' }, false],
    ['Metaspace that prepends nothing, in the older spelling', { type: 'Metaspace', add_prefix_space: false }, false],
    ['a byte-level decoder', BYTE_LEVEL, false],
    ['no decoder', null, false]
  ]
  for (const [what, decoder, expected] of DECODERS)
    it(`is ${expected} for ${what}`, () => assert.equal(dropsLeadingSpace({ model: { vocab: {} }, decoder: decoder ?? null }), expected))
})

describe('asTokensSpell', () => {
  it('replaces ▁ with a space, except for byte-level tokens', () => {
    assert.equal(asTokensSpell({ decoder: null }, '▁a▁b'), ' a b')
    assert.equal(asTokensSpell({ decoder: BYTE_LEVEL }, '▁a'), '▁a')
  })
})

const starts = (tokens: readonly string[], text: string): number[] | null =>
  tokenStarts(
    tokens.map((token) => Buffer.from(token)),
    Buffer.from(text)
  )

describe('tokenStarts', () => {
  it('returns the first byte of each token and the length', () => assert.deepEqual(starts(['a', ' bc', 'é', 'd'], 'a bcéd'), [0, 1, 4, 6, 7]))
  it('returns only the length without tokens', () => assert.deepEqual(starts([], ''), [0]))
  it('does not count a space that the tokenizer adds in front', () => assert.deepEqual(starts([' a', ' b'], 'a b'), [0, 1, 3]))
  it('counts a space that is in the text', () => assert.deepEqual(starts([' a', ' b'], ' a b'), [0, 2, 4]))
  it('returns null for tokens that spell another text', () => {
    assert.equal(starts(['a', 'c'], 'ab'), null)
    assert.equal(starts(['a'], 'ab'), null)
    assert.equal(starts(['x', 'ab'], 'ab'), null)
  })
})

describe('tokenBytesOf', () => {
  const added = (content: string, decoder: { readonly type: string }): string =>
    Buffer.from(bytesOfToken(tokenBytesOf({ added_tokens: [{ id: 0, content }], model: { vocab: {} }, decoder }), 0)).toString()

  it('spells runs of spaces that are added tokens of a SentencePiece model as spaces', () => assert.equal(added('▁▁▁', { type: 'Fuse' }), '   '))
  it('has no bytes for an id without a token', () =>
    assert.deepEqual(
      [-1, 1, 2].map((id) => bytesOfToken(tokenBytesOf({ model: { vocab: { a: 0, b: 2 } } }), id).length),
      [0, 0, 1]
    ))
  it('spells added tokens of a byte-level model as they are written', () => assert.equal(added('▁é', { type: 'ByteLevel' }), '▁é'))
})
