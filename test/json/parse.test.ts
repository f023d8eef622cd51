import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NO_LIMITS, parseJson } from '../../src/json/parse.ts'

/** Parses in portions of a few bytes, so that short texts are cut in many places. */
const parsed = (text: string, portionBytes: number): Promise<unknown> => parseJson(Buffer.from(text), NO_LIMITS, portionBytes)

describe('parseJson', () => {
  it('returns what JSON.parse returns, wherever the text is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), fc.nat(2), fc.nat(20), async (value, indent, portionBytes) => {
        const text = JSON.stringify(value, null, indent)
        fc.pre(!text.includes('__proto__'))
        assert.deepEqual(await parsed(text, portionBytes), JSON.parse(text))
      }),
      { numRuns: 500 }
    )
  })

  it('rejects what JSON.parse rejects, and accepts nothing else', async () => {
    const pieces = fc.constantFrom('[', ']', '{', '}', ',', ':', '"a"', '"b":', '"c"', '1', ' ', 'null', '"', '\\', '[1,2]', '{"d":[1]}', 'e', '.5')
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), fc.nat(6), async (parts, portionBytes) => {
        const text = parts.join('')
        let expected: unknown
        let isValid = true
        try {
          expected = JSON.parse(text)
        } catch {
          isValid = false
        }
        const actual = await parsed(text, portionBytes).then(
          (value) => ({ value }),
          (error: Error) => ({ error })
        )
        if ('error' in actual) assert.ok(!isValid || /twice/.test(actual.error.message), text)
        else assert.deepEqual([isValid, actual.value], [true, expected], text)
      }),
      { numRuns: 3000 }
    )
  })

  const INVALID = [
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[[1,2,3],]',
    '{"a":[1,2,3],}',
    '{"a":1,,"b":[1,2,3]}',
    '[1]2',
    '[[1]2,3]',
    '{"a" [1,2,3]}',
    '{[1,2,3]:1}',
    '[1}',
    '{"a":[1,2,3]4}'
  ]
  for (const text of INVALID)
    it(`rejects ${text}`, async () => {
      for (const portionBytes of [0, 1, 3]) await assert.rejects(parsed(text, portionBytes), SyntaxError)
    })

  for (const text of [
    '[   ]',
    '{   }',
    ' [ [ ] , { } ] ',
    '{"a long key here":1,"b":[1,2,3,4],"c":"a long text"}',
    '[1,"a long text, with [brackets]",2]',
    '{"11":1,"2":[1,2,3]}'
  ])
    it(`accepts ${text}`, async () => {
      for (const portionBytes of [0, 1, 3]) assert.deepEqual(await parsed(text, portionBytes), JSON.parse(text))
    })

  it('ignores long white space outside texts, and keeps it in them', async () => {
    const blank = ' \n\t\r'.repeat(3000)
    const text = `${blank}{"a"${blank}:${blank}[1${blank},${blank}"${' '.repeat(9000)}"]${blank}}${blank}`
    assert.deepEqual(await parsed(text, 65_536), JSON.parse(text))
    await assert.rejects(parsed(`[1${blank}2]`, 65_536), { code: 'invalid_json' })
    for (const invalid of [`[1${blank}e2]`, `[-1${blank}.5]`, `[tru${blank}e]`]) await assert.rejects(parsed(invalid, 65_536))
  })

  it('rejects a number of many digits', async () => {
    await assert.rejects(parsed(`[${'1'.repeat(5000)}]`, 65_536), { code: 'invalid_json', message: /digits/ })
  })

  it('rejects a text above the limit', async () => {
    const limits = { ...NO_LIMITS, textBytes: 100_000 }
    const text = (length: number): Buffer => Buffer.from(`["${'a'.repeat(length)}"]`)
    assert.deepEqual(await parseJson(text(100_000), limits), ['a'.repeat(100_000)])
    await assert.rejects(parseJson(text(100_001), limits), { code: 'body_too_large', message: /max-text-bytes/ })
  })

  it('lets the event loop run while it parses a long list', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const text = `{"x":[${'1,'.repeat(2_000_000)}1]}`
    const { x } = (await parseJson(Buffer.from(text), NO_LIMITS)) as { x: number[] }
    clearInterval(timer)
    assert.equal(x.length, 2_000_001)
    assert.ok(turns >= 2, `${turns} turns`)
  })
})
