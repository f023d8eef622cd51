import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { asPiecesSpell, dropsLeadingSpace, type TokenizerJson, tokenBytesOf } from '../../src/tokenizer/token-bytes.ts'

const BYTE_LEVEL = { type: 'ByteLevel' }

function bytesFor(json: Partial<TokenizerJson>): number[][] {
  return tokenBytesOf({ model: { vocab: {} }, ...json }).map((bytes) => [...bytes])
}

/** The bytes of one piece. */
function bytesOfPiece(piece: string, decoder: TokenizerJson['decoder']): string {
  return Buffer.from(tokenBytesOf({ model: { vocab: { [piece]: 0 } }, decoder: decoder ?? null })[0]!).toString('hex')
}

describe('tokenBytesOf', () => {
  const PIECES: readonly [string, TokenizerJson['decoder'], string, string][] = [
    ['a byte-level piece', BYTE_LEVEL, 'the', '746865'],
    ['a byte-level space', BYTE_LEVEL, 'Ġthe', '20746865'],
    ['a byte-level line feed', BYTE_LEVEL, 'Ċ', '0a'],
    ['a byte-level character of two bytes', BYTE_LEVEL, 'Ã©', 'c3a9'],
    ['a byte-level soft hyphen byte', BYTE_LEVEL, 'Ń', 'ad'],
    ['a piece that is not made of stand-ins', BYTE_LEVEL, '中', 'e4b8ad'],
    ['a byte-level decoder inside a sequence', { type: 'Sequence', decoders: [{ type: 'Strip' }, BYTE_LEVEL] }, 'Ġ', '20'],
    ['a SentencePiece space', { type: 'Metaspace' }, '▁the▁', '2074686520'],
    ['a SentencePiece byte', { type: 'ByteFallback' }, '<0x0A>', '0a'],
    ['a SentencePiece byte above 127', null, '<0xE4>', 'e4'],
    ['what only looks like a byte', null, '<0xG0>', '3c307847303e'],
    ['a SentencePiece piece with a byte-level stand-in', null, 'Ġ', 'c4a0']
  ]
  for (const [what, decoder, piece, hex] of PIECES) it(`reads ${what}`, () => assert.equal(bytesOfPiece(piece, decoder), hex))

  it('knows 256 byte-level stand-ins, one for each byte', () => {
    const characters = Array.from({ length: 0x144 }, (_, code) => String.fromCodePoint(code))
    const single = characters
      .map((character) => bytesOfPiece(character, BYTE_LEVEL))
      .filter((hex, code) => hex.length === 2 && (code > 32 || hex !== characters[code]))
    const printable = new Set(single)
    for (let byte = 0; byte < 256; byte++) assert.ok(printable.has(byte.toString(16).padStart(2, '0')), `byte ${byte}`)
  })

  it('puts pieces at their ids and nothing at ids without one', () => {
    assert.deepEqual(bytesFor({ model: { vocab: { a: 2, b: 0 } } }), [[98], [], [97]])
  })

  it('reads the list of pieces and scores of a unigram model', () => {
    assert.deepEqual(bytesFor({ model: { vocab: [['▁a', -1] as const, ['b', -2] as const] } }), [[32, 97], [98]])
  })

  it('gives control tokens no bytes and added text its own', () => {
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
    ['one that strips at the end', { ...STRIP, start: 0 }, false],
    ['one that strips another character', { ...STRIP, content: '▁' }, false],
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

describe('asPiecesSpell', () => {
  it('takes ▁ for a space, except with byte-level pieces, which have bytes of their own for it', () => {
    assert.equal(asPiecesSpell({ model: { vocab: {} }, decoder: null }, '▁a▁b'), ' a b')
    assert.equal(asPiecesSpell({ model: { vocab: {} }, decoder: BYTE_LEVEL }, '▁a'), '▁a')
  })
})
