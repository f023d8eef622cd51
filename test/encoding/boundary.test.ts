import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { moveTrailingSpace, type SplitIds, splitAtBoundary, startsWith, type TokenizedTexts } from '../../src/encoding/boundary.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'

const tokenizer = new FakeTokenizer()
const ids = (...values: number[]): Int32Array => Int32Array.of(...values)

async function textsOf(x: string, y: string): Promise<TokenizedTexts> {
  const [xIds, joint, yIds] = await tokenizer.encode([x, x + y, y], { parseSpecialTokens: false })
  return { xText: x, x: xIds!, joint: joint!, y: yIds! }
}

function split(texts: TokenizedTexts, boundary: 'auto' | 'strict', parseSpecialTokens = false): SplitIds {
  return splitAtBoundary(texts, { boundary, parseSpecialTokens }, tokenizer)
}

describe('startsWith', () => {
  const CASES: readonly [Int32Array, Int32Array, boolean][] = [
    [ids(1, 2, 3), ids(1, 2), true],
    [ids(1, 2), ids(1, 2), true],
    [ids(1), ids(), true],
    [ids(), ids(), true],
    [ids(1, 2, 3), ids(1, 3), false],
    [ids(1), ids(1, 2), false]
  ]
  for (const [all, prefix, expected] of CASES) it(`is ${expected} for [${all}] and [${prefix}]`, () => assert.equal(startsWith(all, prefix), expected))
})

describe('moveTrailingSpace', () => {
  const CASES: readonly [string, string, string, string][] = [
    ['Q: ', 'yes', 'Q:', ' yes'],
    ['Q:', ' yes', 'Q:', ' yes'],
    ['Q:\n\n', 'yes', 'Q:', '\n\nyes'],
    ['Q: ', ' yes', 'Q:', '  yes'],
    ['  ', 'yes', '', '  yes'],
    ['', 'yes', '', 'yes']
  ]
  for (const [x, y, movedX, movedY] of CASES) {
    it(`turns ${JSON.stringify([x, y])} into ${JSON.stringify([movedX, movedY])}`, () => assert.deepEqual(moveTrailingSpace(x, y), { x: movedX, y: movedY }))
  }

  it('preserves x+y and leaves no white space at the end of x', () => {
    const text = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', 'a', 'b') })
    fc.assert(
      fc.property(text, text, (x, y) => {
        const moved = moveTrailingSpace(x, y)
        assert.equal(moved.x + moved.y, x + y)
        assert.doesNotMatch(moved.x, /\s$/)
      })
    )
  })
})

describe('splitAtBoundary', () => {
  it('splits the tokens of x+y where those of x end', async () => {
    assert.deepEqual(split(await textsOf('ab', 'c'), 'auto'), { x: ids(6), y: ids(5), boundary: { policy: 'joint', merged: false } })
  })

  it('tokenizes x and y separately when a token straddles the end of x, and names it', async () => {
    assert.deepEqual(split(await textsOf('a', 'bc'), 'auto'), {
      x: ids(3),
      y: ids(7),
      boundary: { policy: 'split', merged: true, straddling_token: { id: 6, text: 'ab', bytes: 'YWI=' } }
    })
  })

  it('names the first token that differs when none straddles the end of x', () => {
    const { boundary } = split({ xText: 'ab', x: ids(3, 4), joint: ids(6, 5), y: ids(5) }, 'auto')
    assert.equal(boundary.straddling_token?.id, 6)
  })

  it('rejects a straddling token under strict', async () => {
    const texts = await textsOf('a', 'bc')
    assert.throws(() => split(texts, 'strict'), { code: 'boundary_merged', param: 'boundary', message: /id 6/ })
  })

  it('accepts strict when nothing merges', async () => {
    assert.equal(split(await textsOf('ab', 'c'), 'strict').boundary.policy, 'joint')
  })

  it('rejects x and y that spell a different text when tokenized separately', () => {
    // y by itself lacks its first byte, as with a tokenizer that drops a leading space.
    assert.throws(() => split({ xText: 'a', x: ids(3), joint: ids(6, 5), y: ids(5) }, 'auto'), { code: 'boundary_not_exact' })
  })

  it('counts the spelling of a parsed control token that straddles the end of x', () => {
    const across = { xText: '<', x: ids(11), joint: ids(0), y: ids(12, 13) }
    assert.deepEqual(split(across, 'auto', true).boundary, { policy: 'split', merged: true, straddling_token: { id: 0, text: '<s>', bytes: 'PHM+' } })
    assert.throws(() => split(across, 'auto', false), { code: 'boundary_not_exact' })
  })

  it('ignores a leading space that the tokenizer added when it finds the straddling token', () => {
    const tokenizerWithSpace = new FakeTokenizer({ facts: { dropsLeadingSpace: true } })
    // " a" "b" "c" for a|bc: if the space counted, the first token would seem to contain the end of x.
    const texts = { xText: 'ab', x: ids(8, 2), joint: ids(8, 7), y: ids(5) }
    assert.throws(() => splitAtBoundary(texts, { boundary: 'strict', parseSpecialTokens: false }, tokenizerWithSpace), { message: /id 7;/ })
  })

  it('returns tokens that spell x+y and start with those of x', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'é') })
    await fc.assert(
      fc.asyncProperty(text, text, async (x, y) => {
        const texts = await textsOf(x, y)
        const found = split(texts, 'auto')
        assert.deepEqual(found.x, texts.x)
        assert.equal(Buffer.concat([...found.x, ...found.y].map((id) => tokenizer.bytesOf(id))).toString(), x + y)
      })
    )
  })
})
