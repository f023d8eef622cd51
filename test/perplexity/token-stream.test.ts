import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { TokenStream } from '../../src/perplexity/token-stream.ts'
import { joined } from '../../src/perplexity/windows.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { contextWith } from '../support/loaded-tokenizer.ts'
import { byteLevel, byteLevelSplitLikeLlama3, byteLevelWithOddMerges, sentencePiece, type TokenizerFiles, unigram } from '../support/tokenizers.ts'

const PROSE = readFileSync(join(PACKAGE_FOLDER, 'scripts', 'golden', 'sentences.txt'), 'utf8')
const TEXTS: Readonly<Record<string, string>> = {
  prose: PROSE,
  'long lines of spaces': `a${' '.repeat(3000)}b `.repeat(8),
  'no white space': '你好世界，今天天气很好。'.repeat(1700),
  'one word': 'x'.repeat(18_000),
  'emoji without white space': '😀👨‍👩‍👧'.repeat(2200),
  'control tokens': `The cat <|endoftext|> sat </s> on ${'the mat '.repeat(10)}`.repeat(200),
  'no long text': 'The cat.'
}
const TOKENIZERS: Readonly<Record<string, () => TokenizerFiles>> = {
  'byte-level': byteLevel,
  'byte-level with odd merges': byteLevelWithOddMerges,
  'byte-level split like Llama 3': byteLevelSplitLikeLlama3,
  'like Llama 2, with a space in front of each text': () => sentencePiece('normalizer'),
  'like Mistral, with a space in front of the first text': () => sentencePiece('metaspace'),
  'like Gemma': () => sentencePiece('none'),
  unigram
}

describe('TokenStream', () => {
  for (const [name, files] of Object.entries(TOKENIZERS))
    test(`gives the ids of the whole text in pieces: ${name}`, async (t) => {
      const { tokenizer } = await contextWith(t, files())
      for (const [kind, text] of Object.entries(TEXTS))
        for (const parseSpecialTokens of [false, true]) {
          const [whole] = await tokenizer.encode([text], { parseSpecialTokens })
          const stream = new TokenStream(tokenizer, parseSpecialTokens)
          const pieces: Int32Array[] = []
          // In chunks that are no multiple of the pieces, none of which ends inside a code point.
          for (const chunk of text.match(/[\s\S]{1,7001}(?![\udc00-\udfff])/g) ?? []) for await (const piece of stream.push(chunk)) pieces.push(piece)
          pieces.push(await stream.end())
          assert.deepEqual(joined(...pieces), whole, `${kind}, ${parseSpecialTokens}`)
        }
    })

  test('cuts prose into pieces', async (t) => {
    const { tokenizer } = await contextWith(t, byteLevel())
    let pieces = 0
    for await (const _ of new TokenStream(tokenizer, false).push(PROSE.repeat(4))) pieces++
    assert.ok(pieces >= 5, String(pieces))
  })
})
