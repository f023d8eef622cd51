import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ServiceError } from '../../src/errors.ts'
import { NO_LIMITS } from '../../src/json/parse.ts'
import { fieldName, JsonStructure } from '../../src/json/structure.ts'

/** Scans a whole text. */
function guardJson(text: string, limits = NO_LIMITS): void {
  const structure = new JsonStructure(Buffer.from(text), limits)
  while (structure.scan(7));
}

/** The duplicate key that the scan reports. Not assert.throws, which is slow because it computes a stack trace. */
function duplicateKey(text: string): string | undefined {
  try {
    guardJson(text)
  } catch (error) {
    return (error as ServiceError).param
  }
  return undefined
}

describe('the structure of JSON', () => {
  const DUPLICATES: readonly [string, string, string][] = [
    ['side by side', '{"a":1,"a":2}', 'a'],
    ['with white space before the colon', '{"a"\t:1, "a" \n:2}', 'a'],
    ['in an inner object', '{"x":[{"b":1,"c":{"d":1},"b":2}]}', 'b'],
    ['spelled with an escape', '{"a":1,"\\u0061":2}', 'a'],
    ['both spelled with escapes', '{"\\u0061b":1,"a\\u0062":2}', 'ab'],
    ['with an escaped quote', '{"a\\"":1,"a\\"":2}', '(not a field name)'],
    ['called __proto__', '{"__proto__":1,"__proto__":2}', '__proto__'],
    ['that are empty', '{"":1,"":2}', '(not a field name)']
  ]
  for (const [what, text, param] of DUPLICATES) {
    it(`rejects duplicate keys ${what}`, () => assert.throws(() => guardJson(text), { name: 'ServiceError', code: 'invalid_json', param }))
  }

  const HARMLESS: readonly [string, string][] = [
    ['the same key in sibling objects', '[{"a":1},{"a":2}]'],
    ['the same key inside and outside', '{"a":{"a":1}}'],
    ['a value equal to a key', '{"a":"a","b":"a"}'],
    ['equal texts in a list', '["a","a"]'],
    ['braces and colons in texts', '{"a":"{\\"a\\":1,\\"a\\":","b":"}]"}'],
    ['a backslash at the end of a text', '{"a":"\\\\","b":"\\\\"}'],
    ['keys that differ in case', '{"a":1,"A":2}'],
    ['an empty body', '']
  ]
  for (const [what, text] of HARMLESS) it(`accepts ${what}`, () => assert.doesNotThrow(() => guardJson(text)))

  const OTHER_FAULTS = ['{"a', '{"a":', ']]]', '}', '{"\\u00zz":1,"\\u00zz', '"\\', '[1,']
  for (const text of OTHER_FAULTS) it(`leaves ${text} to JSON.parse`, () => assert.doesNotThrow(() => guardJson(text)))

  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}']
  ] as const) {
    it(`accepts 32 levels of ${open} and rejects 33`, () => {
      const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`
      assert.doesNotThrow(() => guardJson(nested(32)))
      assert.throws(() => guardJson(nested(33)), { code: 'invalid_json', message: /more than 32 levels/ })
    })
  }

  it('rejects a million open brackets without a stack overflow', () => {
    assert.throws(() => guardJson('['.repeat(1_000_000)), { code: 'invalid_json' })
  })

  it('never shows a key that could be part of a text', () => {
    const key = 'k'.repeat(1000)
    assert.throws(() => guardJson(`{"${key}":1,"${key}":2}`), { param: '(not a field name)', message: /^((?!kkk).)*$/ })
  })

  it('accepts whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(4), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        fc.pre(!text.includes('__proto__'))
        assert.doesNotThrow(() => guardJson(text))
      })
    )
  })

  const FORBIDDEN = ['{"__proto__":1}', '[{"a":{"__pr\\u006fto__":1}}]', '{"constructor":{"a":1,"prototype":2}}']
  for (const text of FORBIDDEN) it(`rejects ${text}`, () => assert.throws(() => guardJson(text), { code: 'invalid_json', message: /forbidden key/ }))
  for (const text of ['{"constructor":1,"prototype":2}', '{"a":"__proto__"}', '{"constructor":[{"prototype":1}]}'])
    it(`accepts ${text}`, () => assert.doesNotThrow(() => guardJson(text)))

  const COUNTS: readonly [string, string, object][] = [
    ['objects and lists', '[{},[]]', { containers: 3 }],
    ['texts and keys', '{"a":"b","c":1}', { strings: 3 }],
    ['values', '[1,2,{"a":3,"b":4}]', { values: 3 }],
    ['numbers with a decimal point', '[1.5,2e3,4E5,-1,true,false]', { decimals: 3 }]
  ]
  for (const [what, text, exactly] of COUNTS) {
    it(`counts ${what}, and rejects one more than the limit`, () => {
      const [part, count] = Object.entries(exactly)[0] as [string, number]
      assert.doesNotThrow(() => guardJson(text, { ...NO_LIMITS, [part]: count }))
      assert.throws(() => guardJson(text, { ...NO_LIMITS, [part]: count - 1 }), { code: 'body_too_large', message: /split the request/ })
    })
  }

  it('does not count what texts contain', () => {
    assert.doesNotThrow(() => guardJson('"[{,1.5,\\"e"', { ...NO_LIMITS, containers: 0, strings: 1, values: 0, decimals: 0 }))
  })

  it('rejects an object with more than 1,024 keys', () => {
    const keys = (count: number): string => `{${Array.from({ length: count }, (_, i) => `"k${i}":0`).join()}}`
    assert.doesNotThrow(() => guardJson(keys(1024)))
    assert.throws(() => guardJson(keys(1025)), { code: 'invalid_json', message: /more than 1024 keys/ })
  })

  it('finds any duplicate key', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ':', '{', 'é', '\u{1F600}') }), (key) => {
        const entry = `${JSON.stringify(key)}:0`
        assert.equal(duplicateKey(`{${entry},"another key":0,${entry}}`), fieldName(key))
      })
    )
  })
})
