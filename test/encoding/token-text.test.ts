import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOfIds, codePointCount, displayText, sameBytes } from '../../src/encoding/token-text.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'

describe('codePointCount', () => {
  const CASES: readonly [string, number][] = [
    ['', 0],
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 2],
    ['\u{1F600}', 1],
    ['a\u{1F600}b', 3]
  ]
  for (const [text, count] of CASES) it(`counts ${count} in ${JSON.stringify(text)}`, () => assert.equal(codePointCount(text), count))
})

describe('bytesOfIds and displayText', () => {
  it('join the bytes of a character that spans tokens', () => {
    assert.equal(displayText(bytesOfIds(new FakeTokenizer(), Int32Array.of(3, 9, 10))), 'aé')
  })

  it('show an incomplete character as U+FFFD', () => assert.equal(displayText(Uint8Array.of(0x61, 0xc3)), 'a\ufffd'))

  it('give control tokens no bytes', () => assert.equal(bytesOfIds(new FakeTokenizer(), Int32Array.of(0, 1)).length, 0))
})

describe('sameBytes', () => {
  const CASES: readonly [number[], number[], boolean][] = [
    [[], [], true],
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[1, 2], [1], false]
  ]
  for (const [a, b, expected] of CASES) {
    it(`is ${expected} for [${a}] and [${b}]`, () => assert.equal(sameBytes(Uint8Array.from(a), Uint8Array.from(b)), expected))
  }
})
