import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { moveTrailingSpace, splitAtBoundary, startsWith, type TokenizedTexts } from '../../src/logprob/boundary.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'

const tokenizer = new FakeTokenizer()
const ids = (...values: number[]): Int32Array => Int32Array.of(...values)

async function textsOf(x: string, y: string): Promise<TokenizedTexts> {
  const [xIds, joint, yIds] = await tokenizer.encode([x, x + y, y], { parseSpecialTokens: false })
  return { x: xIds!, joint: joint!, y: yIds! }
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
    it(`makes ${JSON.stringify([x, y])} to ${JSON.stringify([movedX, movedY])}`, () => assert.deepEqual(moveTrailingSpace(x, y), { x: movedX, y: movedY }))
  }

  it('keeps x+y and leaves no white space at the end of x', () => {
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
  it('cuts the tokens of x+y where those of x end', async () => {
    assert.deepEqual(splitAtBoundary('ab', await textsOf('ab', 'c'), 'auto', tokenizer), { x: ids(6), y: ids(5), boundary: { policy: 'joint', merged: false } })
  })

  it('takes x and y apart when a token lies across the end of x, and names it', async () => {
    assert.deepEqual(splitAtBoundary('a', await textsOf('a', 'bc'), 'auto', tokenizer), {
      x: ids(3),
      y: ids(7),
      boundary: { policy: 'split', merged: true, straddling_token: { id: 6, text: 'ab', bytes: 'YWI=' } }
    })
  })

  it('names the first token that differs when none lies across the end of x', () => {
    const { boundary } = splitAtBoundary('ab', { x: ids(3, 4), joint: ids(6, 5), y: ids(5) }, 'auto', tokenizer)
    assert.equal(boundary.straddling_token?.id, 6)
  })

  it('refuses under strict what it would take apart', async () => {
    const texts = await textsOf('a', 'bc')
    assert.throws(() => splitAtBoundary('a', texts, 'strict', tokenizer), { code: 'boundary_merged', param: 'boundary', message: /id 6/ })
  })

  it('lets strict pass where nothing merges', async () => {
    assert.equal(splitAtBoundary('ab', await textsOf('ab', 'c'), 'strict', tokenizer).boundary.policy, 'joint')
  })

  it('refuses x and y that spell another text when they are apart', () => {
    // y alone has lost its first byte, as with a tokenizer that drops a leading space.
    assert.throws(() => splitAtBoundary('a', { x: ids(3), joint: ids(6, 5), y: ids(5) }, 'auto', tokenizer), { code: 'boundary_not_exact' })
  })

  it('gives tokens that spell x+y and begin with those of x', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'é') })
    await fc.assert(
      fc.asyncProperty(text, text, async (x, y) => {
        const texts = await textsOf(x, y)
        const split = splitAtBoundary(x, texts, 'auto', tokenizer)
        assert.deepEqual(split.x, texts.x)
        assert.equal(Buffer.concat([...split.x, ...split.y].map((id) => tokenizer.bytesOf(id))).toString(), x + y)
      })
    )
  })
})
