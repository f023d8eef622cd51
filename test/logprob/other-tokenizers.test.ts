/**
 * Boundaries, spelling and offsets with tokenizers that put a space in front, fall back on bytes, or change the text.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import type { LogprobItem, LogprobOptions } from '../../src/encoding/logprob-item.ts'
import { ServiceError } from '../../src/errors.ts'
import { type TokenDetail, tokenDetails } from '../../src/evaluation/token-details.ts'
import type { CheckStatus } from '../../src/scoring/checks/check.ts'
import { normalizerCheck, roundTripCheck } from '../../src/scoring/checks/input-checks.ts'
import { ADVERSARIAL_TEXTS, splitsOf } from '../support/adversarial-texts.ts'
import { contextWith } from '../support/loaded-tokenizer.ts'
import { encodeOne, itemOf, optionsOf } from '../support/logprob-items.ts'
import { sequenceOf } from '../support/scored-sequence.ts'
import { BERT, byteLevel, type DummyPrefix, LOWER_CASE, sentencePiece, unigram } from '../support/tokenizers.ts'

const one = (context: EncodingContext, item: LogprobItem, options: Partial<LogprobOptions> = {}): Promise<EncodedItem> => encodeOne(item, options, context)

function tokensOf(encoded: EncodedItem, { tokenizer }: EncodingContext): TokenDetail[] {
  const blank = sequenceOf(
    encoded.sizes,
    Array.from(encoded.ids, () => null)
  )
  return [...tokenDetails({ ...blank, ids: encoded.ids }, encoded, null, 0, tokenizer)]
}

/** Each token of a part as its text and its offsets. */
function placed(encoded: EncodedItem, context: EncodingContext, part: string): unknown[][] {
  return tokensOf(encoded, context)
    .filter((token) => token.part === part)
    .map((token) => [token.text, token.byte_start, token.byte_end, token.char_start, token.char_end])
}

const statuses = ({ inputInfo }: EncodedItem): CheckStatus[] => [roundTripCheck(inputInfo).status, normalizerCheck(inputInfo).status]

for (const dummyPrefix of ['normalizer', 'metaspace', 'none'] satisfies DummyPrefix[]) {
  test(`SentencePiece, dummy prefix by ${dummyPrefix}: byte fallback has its bytes and offsets`, async (t) => {
    const context = await contextWith(t, sentencePiece(dummyPrefix))
    const encoded = await one(context, itemOf('hello 中👍文', ' world\n'))
    assert.deepEqual(placed(encoded, context, 'x'), [
      [dummyPrefix === 'none' ? 'hello' : ' hello', 0, 5, 0, 5],
      [' ', 5, 6, 5, 6],
      ['中', 6, 9, 6, 7],
      ...[0, 1, 2, 3].map((byte) => ['\ufffd', 9 + byte, 10 + byte, 7, 8]),
      ['文', 13, 16, 8, 9]
    ])
    assert.deepEqual(placed(encoded, context, 'y'), [
      [' world', 0, 6, 0, 6],
      ['\n', 6, 7, 6, 7]
    ])
    assert.deepEqual(statuses(encoded), ['pass', 'pass'])
    assert.equal(encoded.boundary.policy, 'joint')
  })

  test(`SentencePiece, dummy prefix by ${dummyPrefix}: every split of every text is spelled by its tokens, or rejected`, async (t) => {
    const context = await contextWith(t, sentencePiece(dummyPrefix))
    const counts = { joint: 0, split: 0, refused: 0 }
    for (const { name, text } of ADVERSARIAL_TEXTS) {
      if (text.includes('▁')) continue
      const pairs = splitsOf(text, 40)
      const found = await encodeItems(
        pairs.map(({ x, y }, i) => itemOf(x, y, i)),
        optionsOf({ eos: 'score' }),
        context
      )
      for (const [i, item] of found.entries()) {
        if (item instanceof ServiceError) {
          // y by itself would get a space of its own, and x+y would not be what is scored.
          assert.deepEqual([item.code, dummyPrefix === 'normalizer'], ['boundary_not_exact', true], name)
          counts.refused++
          continue
        }
        counts[item.boundary.policy === 'joint' ? 'joint' : 'split']++
        assertSound(item, pairs[i]!, context)
      }
    }
    assert.ok(counts.joint > 500, JSON.stringify(counts))
    // Metaspace puts a space at the start of a text only, so x and y can be apart.
    assert.equal(counts.split > 0, dummyPrefix !== 'normalizer', JSON.stringify(counts))
    assert.equal(counts.refused > 0, dummyPrefix === 'normalizer', JSON.stringify(counts))
  })
}

/** The parts spell x and y, no check complains, and the offsets cut the texts into the bytes of the tokens. */
function assertSound(item: EncodedItem, pair: { readonly x: string; readonly y: string }, context: EncodingContext): void {
  assert.deepEqual(statuses(item), ['pass', 'pass'])
  assert.equal(item.inputInfo.controlTokenCount, 0)
  const tokens = tokensOf(item, context)
  for (const part of ['x', 'y'] as const) {
    const text = Buffer.from(pair[part])
    let end = 0
    for (const token of tokens.filter((candidate) => candidate.part === part)) {
      if (token.byte_start === null || token.byte_end === null) {
        assert.deepEqual([token.text, end], [' ', 0])
        continue
      }
      assert.equal(token.byte_start, end)
      end = token.byte_end
      const spelled = Buffer.from(token.bytes, 'base64')
      const isFirst = token.byte_start === 0
      const added = spelled.length - (end - token.byte_start)
      assert.ok(added === 0 || (isFirst && added === 1 && spelled[0] === 0x20))
      assert.deepEqual(text.subarray(token.byte_start, end), spelled.subarray(added))
    }
    assert.equal(end, text.length)
  }
}

test('SentencePiece: auto rejects a split inside a word when y by itself would get a space, and strict names the token', async (t) => {
  const context = await contextWith(t, sentencePiece('normalizer'))
  await assert.rejects(one(context, itemOf('hel', 'lo world')), { code: 'boundary_not_exact' })
  await assert.rejects(one(context, itemOf('hel', 'lo world'), { boundary: 'strict' }), { code: 'boundary_merged' })
  assert.equal((await one(context, itemOf('hello', ' world'), { boundary: 'strict' })).boundary.policy, 'joint')
})

test('SentencePiece without dummy prefix: auto tokenizes a split inside a word separately', async (t) => {
  const context = await contextWith(t, sentencePiece('none'))
  const encoded = await one(context, itemOf('hel', 'lo world'))
  assert.deepEqual([encoded.boundary.policy, encoded.boundary.straddling_token?.text], ['split', 'hello'])
  assert.deepEqual(statuses(encoded), ['pass', 'pass'])
})

test('SentencePiece: only the first text gets a leading space, so one before y after ids is reported', async (t) => {
  const [legacy, metaspace, none] = [
    await contextWith(t, sentencePiece('normalizer')),
    await contextWith(t, sentencePiece('metaspace')),
    await contextWith(t, sentencePiece('none'))
  ]
  assert.deepEqual(statuses(await one(legacy, itemOf([40], 'hello'))), ['pass', 'warn'])
  assert.deepEqual(statuses(await one(metaspace, itemOf([40], 'hello'))), ['warn', 'pass'])
  assert.deepEqual(statuses(await one(none, itemOf([40], 'hello'))), ['pass', 'pass'])
})

test('SentencePiece: y gets the leading space after an empty x', async (t) => {
  const context = await contextWith(t, sentencePiece('normalizer'))
  const encoded = await one(context, itemOf('', 'hello'))
  assert.deepEqual(statuses(encoded), ['pass', 'pass'])
  assert.deepEqual(placed(encoded, context, 'y'), [[' hello', 0, 5, 0, 5]])
})

test('SentencePiece: text truncated from the left keeps its offsets in the whole of x', async (t) => {
  const context = { ...(await contextWith(t, sentencePiece('normalizer'))), maxModelLen: 4 }
  const encoded = await one(context, itemOf('hello world the', ' the'), { onOverflow: 'truncate_left' })
  assert.deepEqual(placed(encoded, context, 'x'), [
    [' world', 5, 11, 5, 11],
    [' the', 11, 15, 11, 15]
  ])
  assert.deepEqual(statuses(encoded), ['pass', 'pass'])
})

test('SentencePiece: a ▁ in the text is a space to the model, and the check reports the changed text', async (t) => {
  const context = await contextWith(t, sentencePiece('none'))
  const encoded = await one(context, itemOf('a▁b', ' c'))
  assert.deepEqual(statuses(encoded), ['pass', 'warn'])
  assert.match(normalizerCheck(encoded.inputInfo).message, /from byte 1 of x\./)
})

test('Unigram: text that spells a control token stays text, although the vocabulary has it as a piece', async (t) => {
  const context = await contextWith(t, unigram())
  const encoded = await one(context, itemOf('a</s>b', ' <s>c'))
  assert.equal(encoded.inputInfo.controlTokenCount, 0)
  assert.deepEqual(statuses(encoded), ['pass', 'pass'])
  const parsed = await one(context, itemOf('a</s>b', ' c'), { parseSpecialTokens: true })
  assert.equal(parsed.inputInfo.controlTokenCount, 1)
})

test('Unigram: a character without a token is reported with its position, and has no offsets', async (t) => {
  const context = await contextWith(t, unigram())
  const encoded = await one(context, itemOf('hello 👍!', ' world'))
  assert.deepEqual(statuses(encoded), ['warn', 'pass'])
  assert.match(roundTripCheck(encoded.inputInfo).message, /from byte 6 of x/)
  assert.deepEqual(placed(encoded, context, 'x').at(0), [' hello', null, null, null, null])
  assert.deepEqual(placed(encoded, context, 'y').at(0), [' world', 0, 6, 0, 6])
})

test('Unigram: a y that shares its unknown token with x has no tokens, and is rejected', async (t) => {
  const context = await contextWith(t, unigram())
  await assert.rejects(one(context, itemOf('a👍', '👋'), { eos: 'score' }), { code: 'empty_completion', param: 'y', message: /no tokens/ })
})

test('a lower-casing normalizer: the parts spell the normalized text, and the check reports the changed text', async (t) => {
  const context = await contextWith(t, byteLevel({ normalizer: LOWER_CASE }))
  const changed = await one(context, itemOf('The Cat', ' sat ﬁne'))
  assert.deepEqual(statuses(changed), ['pass', 'warn'])
  assert.match(normalizerCheck(changed.inputInfo).message, /from byte 0 of x and from byte 5 of y\./)
  assert.ok(tokensOf(changed, context).every((token) => token.byte_start === null && token.char_start === null))

  const same = await one(context, itemOf('the cat', ' sat'))
  assert.deepEqual(statuses(same), ['pass', 'pass'])
  assert.equal(tokensOf(same, context).at(-1)?.char_end, 4)
})

test('a composing normalizer: a combining mark that would join x is not split from it', async (t) => {
  const context = await contextWith(t, byteLevel({ normalizer: { type: 'NFC' } }))
  await assert.rejects(one(context, itemOf('cafe', '\u0301 au lait')), { code: 'boundary_not_exact' })
  assert.deepEqual(statuses(await one(context, itemOf('caf\u00e9', ' au lait'))), ['pass', 'pass'])
})

test('a normalizer that removes characters: a y of only those is rejected', async (t) => {
  const context = await contextWith(t, byteLevel({ normalizer: BERT }))
  await assert.rejects(one(context, itemOf('abc', '\u0000\u200b')), { code: 'empty_completion', param: 'y' })
})

test('a byte-level tokenizer that adds a leading space and keeps it: the check reports the changed text', async (t) => {
  const context = await contextWith(t, byteLevel({ pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true } }))
  assert.deepEqual(statuses(await one(context, itemOf('hello', ' world'))), ['warn', 'pass'])
})

async function spaces(t: TestContext, parseSpecialTokens: boolean): Promise<EncodedItem> {
  const greedy = [{ content: '<mask>', lstrip: true, rstrip: true }]
  return one(await contextWith(t, byteLevel({}, greedy)), itemOf('a  <mask>  b', ' <mask> c'), { parseSpecialTokens })
}

test('a control token that strips white space does not strip it from text', async (t) => {
  const encoded = await spaces(t, false)
  assert.equal(encoded.inputInfo.controlTokenCount, 0)
  assert.deepEqual(statuses(encoded), ['pass', 'pass'])
})

test('a parsed control token strips white space, and the check reports it', async (t) => {
  const encoded = await spaces(t, true)
  assert.equal(encoded.inputInfo.controlTokenCount, 2)
  assert.deepEqual([normalizerCheck(encoded.inputInfo).status, roundTripCheck(encoded.inputInfo).status], ['warn', 'pass'])
  assert.match(normalizerCheck(encoded.inputInfo).message, /byte 1 of x/)
})
