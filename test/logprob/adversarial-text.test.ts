import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import type { LogprobOptions } from '../../src/encoding/logprob-item.ts'
import { offsetsOf } from '../../src/encoding/offsets.ts'
import { ServiceError } from '../../src/errors.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { startTokenizer } from '../../src/tokenizer/threads/thread-tokenizer.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { ADVERSARIAL_TEXTS, splitsOf } from '../support/adversarial-texts.ts'
import { itemOf, optionsOf } from '../support/logprob-items.ts'

const SPLITS_A_TEXT = 60
type Pair = { readonly x: string; readonly y: string }

let tokenizer: Tokenizer
let context: EncodingContext
before(async () => {
  tokenizer = await startTokenizer(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'), () => undefined)
  context = { tokenizer, vocabSize: 4096, maxModelLen: 512, prefixTokenId: 0 }
})
after(() => tokenizer.close())

async function encode(pairs: readonly Pair[], options: Partial<LogprobOptions>): Promise<(EncodedItem | ServiceError)[]> {
  return encodeItems(
    pairs.map(({ x, y }, index) => itemOf(x, y, index)),
    optionsOf({ eos: 'score', ...options }),
    context
  )
}

const idsOf = (text: string, parseSpecialTokens: boolean): Promise<Int32Array> => tokenizer.encode([text], { parseSpecialTokens }).then(([ids]) => ids!)
const partsOf = ({ ids, sizes }: EncodedItem): { x: Int32Array; y: Int32Array } => ({
  x: ids.slice(1, 1 + sizes.x),
  y: ids.slice(1 + sizes.x, 1 + sizes.x + sizes.y)
})

/** The bytes of ids, a control token standing for its spelling; from the tokenizer's own tables. */
function spelled(ids: Int32Array): string {
  return Buffer.concat(Array.from(ids, (id) => Buffer.from(tokenizer.info.specials.get(id) ?? tokenizer.bytesOf(id)))).toString()
}

function ok(found: EncodedItem | ServiceError | undefined): EncodedItem {
  assert.ok(found !== undefined && !(found instanceof ServiceError), found instanceof ServiceError ? `${found.code}: ${found.message}` : 'no item')
  return found
}

/** What has to hold of every pair, whatever the text and the policy. */
function assertSound(found: EncodedItem, { x, y }: Pair): void {
  const { inputInfo, text, sizes } = found
  const ids = partsOf(found)
  assert.equal(spelled(ids.x), x)
  assert.equal(spelled(ids.y), y)
  assert.equal(sizes.y === 0, y === '')
  assert.equal(found.ids.length, 2 + sizes.x + sizes.y)
  assert.deepEqual(inputInfo.spelling, { x: { match: 'exact' }, y: { match: 'exact' }, isMisplaced: false })
  assert.deepEqual(inputInfo.normalization, { x: { match: 'exact' }, y: { match: 'exact' } })
  assert.deepEqual(found.lengths.x, { tokens: sizes.x, chars: Array.from(x).length, bytes: Buffer.byteLength(x) })
  assert.deepEqual(found.lengths.y, { tokens: sizes.y, chars: Array.from(y).length, bytes: Buffer.byteLength(y) })
  for (const part of ['x', 'y'] as const) {
    const lengths = Array.from(ids[part], (id) => Buffer.byteLength(tokenizer.info.specials.get(id) ?? '') || tokenizer.bytesOf(id).length)
    const offsets = offsetsOf(text[part], lengths)
    assert.deepEqual(
      offsets.map(({ byte_start: start }) => start),
      lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0))
    )
    assert.equal(offsets.length === 0 ? 0 : offsets.at(-1)?.byte_end, found.lengths[part].bytes)
    assert.equal(offsets.length === 0 ? 0 : offsets.at(-1)?.char_end, found.lengths[part].chars)
  }
}

for (const parseSpecialTokens of [false, true]) {
  describe(`texts split at every code point${parseSpecialTokens ? ', control tokens parsed' : ''}`, () => {
    for (const { name, text } of ADVERSARIAL_TEXTS) {
      const pairs = splitsOf(text, SPLITS_A_TEXT)

      it(`${name}: auto keeps the tokens of x as a prefix, and x and y spell their texts`, async () => {
        const found = await encode(pairs, { parseSpecialTokens })
        const joint = await idsOf(text, parseSpecialTokens)
        for (const [i, pair] of pairs.entries()) {
          const item = ok(found[i])
          const xIds = await idsOf(pair.x, parseSpecialTokens)
          const isPrefix = xIds.every((id, at) => joint[at] === id)
          assertSound(item, pair)
          assert.deepEqual(partsOf(item).x, xIds)
          assert.equal(item.boundary.policy, isPrefix ? 'joint' : 'split')
          assert.equal(item.boundary.merged, !isPrefix)
          if (isPrefix) assert.deepEqual(item.ids.slice(1, -1), joint)
          else assert.deepEqual(partsOf(item).y, await idsOf(pair.y, parseSpecialTokens))
          if (!parseSpecialTokens) assert.equal(item.inputInfo.controlTokenCount, 0)
        }
      })

      it(`${name}: strict accepts what auto joins, and rejects the rest`, async () => {
        const [strict, auto] = [await encode(pairs, { parseSpecialTokens, boundary: 'strict' }), await encode(pairs, { parseSpecialTokens })]
        for (const [i, found] of strict.entries()) {
          if (ok(auto[i]).boundary.merged) assert.equal(found instanceof ServiceError && found.code, 'boundary_merged')
          else assert.deepEqual(ok(found).ids, ok(auto[i]).ids)
        }
      })

      it(`${name}: move_space leaves no space at the end of x, and drops none`, async () => {
        const found = await encode(pairs, { parseSpecialTokens, boundary: 'move_space' })
        for (const [i, pair] of pairs.entries()) {
          const item = ok(found[i])
          const scored = item.boundary.scored ?? pair
          assert.equal(scored.x + scored.y, text)
          assert.doesNotMatch(scored.x, /[ \t\r\n\u00a0\u2003\u3000]$/)
          assertSound(item, scored)
        }
      })
    }
  })
}

describe('random texts', () => {
  const someText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc
      .array(fc.constantFrom(...ADVERSARIAL_TEXTS.map(({ text }) => text.slice(0, 20)).filter((text) => text.isWellFormed())), { maxLength: 3 })
      .map((parts) => parts.join('')),
    fc
      .array(fc.constantFrom('<|endoftext|>', '<|endof', 'text|>', ' ', 'a', '\n', '\u0301', '\u200d', '👍', '🏽'), { maxLength: 6 })
      .map((parts) => parts.join(''))
  )

  for (const parseSpecialTokens of [false, true]) {
    it(`property: every pair is sound under auto${parseSpecialTokens ? ', control tokens parsed' : ''}`, async () => {
      await fc.assert(
        fc.asyncProperty(someText, someText, async (x, y) => {
          const [found] = await encode([{ x, y }], { parseSpecialTokens })
          assertSound(ok(found), { x, y })
          assert.deepEqual(partsOf(ok(found)).x, await idsOf(x, parseSpecialTokens))
        }),
        { numRuns: 300 }
      )
    })
  }
})

describe('a control token spelled in text', () => {
  const CASES: readonly [string, Pair, number, string][] = [
    ['in x', { x: 'a<|endoftext|>', y: ' b' }, 1, 'joint'],
    ['in y', { x: 'a', y: '<|endoftext|> b' }, 1, 'joint'],
    ['across the end of x', { x: 'a <|endof', y: 'text|> b' }, 0, 'split']
  ]
  for (const [where, pair, parsedCount, policy] of CASES) {
    it(`is text ${where}, and a control token there only when parsed`, async () => {
      const [plain, parsed] = [ok((await encode([pair], {}))[0]), ok((await encode([pair], { parseSpecialTokens: true }))[0])]
      assert.deepEqual([plain.inputInfo.controlTokenCount, parsed.inputInfo.controlTokenCount], [0, parsedCount])
      assert.equal(parsed.boundary.policy, policy)
      assertSound(plain, pair)
      assertSound(parsed, pair)
    })
  }

  it('across the end of x is named as the straddling token when parsed', async () => {
    const [found] = await encode([{ x: 'a <|endof', y: 'text|> b' }], { parseSpecialTokens: true })
    assert.deepEqual([ok(found).boundary.straddling_token?.id, ok(found).boundary.straddling_token?.text], [0, '<|endoftext|>'])
  })
})
