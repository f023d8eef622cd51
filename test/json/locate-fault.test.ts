import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { locateFault } from '../../src/json/locate-fault.ts'
import { randomOf } from '../support/random.ts'

const placeOf = async (text: string) => {
  const place = await locateFault(Buffer.from(text))
  return place === null ? null : [place.byte, place.line, place.column, place.isAtEnd]
}

describe('the place where a text stops being JSON', () => {
  // The bytes are those of CPython 3.12's json.JSONDecodeError.pos, where it names the same fault.
  for (const [name, text, expected] of [
    ['a comma before the end of an object', '{"x": "a",\n "y": "b",}', [21, 2, 11, false]],
    ['a comma before the end of a list', '[1, 2,]', [6, 1, 7, false]],
    ['single quotes', "{'x': 1}", [1, 1, 2, false]],
    ['a missing colon', '{"x" 1}', [5, 1, 6, false]],
    ['two values', '{"x": 1} {"x": 2}', [9, 1, 10, false]],
    ['a raw line feed in a text', '{"x": "a\nb"}', [8, 1, 9, false]],
    ['an unknown escape', '{"x": "a\\qb"}', [8, 1, 9, false]],
    ['NaN', '{"x": NaN}', [6, 1, 7, false]],
    ['a leading zero', '[01]', [2, 1, 3, false]],
    ['the wrong bracket', '{"x": [1}', [8, 1, 9, false]],
    ['an early end', '{"x": [1, 2', [11, 1, 12, true]],
    ['an early end of a text', '{"x": "a', [8, 1, 9, true]],
    ['characters of several bytes before it', '["é", "日本", oops]', [17, 1, 13, false]]
  ] as const)
    test(`is found for ${name}`, async () => assert.deepEqual(await placeOf(text), expected))

  test('is none exactly where JSON.parse accepts the text, for 20,000 mutated texts', async () => {
    const random = randomOf(15)
    const seeds = ['{"x": "a", "y": [1, -2.5e3, {"z": null}]}', '[true, false, "\\u00e9\\n", {}]', '"text"', ' [ ] ', '{"a": {"b": [[], {}]}, "c": 0}']
    const letters = '{}[]",:\\ \n0123456789.eE+-truefalsn'
    let valid = 0
    for (let i = 0; i < 20_000; i++) {
      let text = random.of(seeds)
      for (let edits = random.between(0, 2); edits >= 0; edits--) {
        const at = random.between(0, text.length)
        text = text.slice(0, at) + random.of(['', random.of([...letters])]) + text.slice(at + random.between(0, 1))
      }
      const isValid = isJson(text)
      if (isValid) valid++
      assert.equal((await locateFault(Buffer.from(text))) === null, isValid, JSON.stringify(text))
    }
    assert.ok(valid > 1000 && valid < 19_000, String(valid))
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
