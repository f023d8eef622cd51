import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { keepNumberKinds } from '../../src/json/number-kinds.ts'
import { templateJsonReader } from '../../src/json/parse.ts'

function kept(text: string): unknown {
  const body: unknown = JSON.parse(text)
  for (const _ of keepNumberKinds(Buffer.from(text), body));
  return body
}
const float = (value: number): Float64Array => Float64Array.of(value)

describe('keepNumberKinds', () => {
  test('tells a float without a fraction from an int, in the fields that chat templates read', () => {
    assert.deepEqual(kept('{"x": 1.0, "tools": [{"a": 1.0, "b": 1, "c": 1e3, "d": 0.5, "e": -0.0}]}'), {
      x: 1,
      tools: [{ a: float(1), b: 1, c: float(1000), d: 0.5, e: float(-0) }]
    })
    assert.deepEqual(kept('{"chat_template_kwargs":{"n":[2.0]},"documents":[{"s":3.0}],"messages":[{"k":4E0}]}'), {
      chat_template_kwargs: { n: [float(2)] },
      documents: [{ s: float(3) }],
      messages: [{ k: float(4) }]
    })
  })

  test('keeps every digit of an int', () => {
    assert.deepEqual(kept('{"tools":[{"a":12345678901234567890,"b":-9007199254740993,"c":9007199254740991}]}'), {
      tools: [{ a: 12345678901234567890n, b: -9007199254740993n, c: 9007199254740991 }]
    })
  })

  test('reads the fields of pairs, behind texts with quotes, brackets and escapes, and between blanks', () => {
    const text = ' {"y" : "a\\"]},[{1.0\\\\" ,\n"pairs":[ { "x":[1 , 2],"tools" : [ {} , [ ] ] , "messages":[{"t\\u0061":{"\\"":5.0}}]} , {"messages":[]}]}\t'
    assert.deepEqual(kept(text), { y: 'a"]},[{1.0\\', pairs: [{ x: [1, 2], tools: [{}, []], messages: [{ ta: { '"': float(5) } }] }, { messages: [] }] })
  })

  test('leaves a body without such fields alone', () => {
    assert.deepEqual(kept('[1.0]'), [1])
    assert.deepEqual(kept('{"temperature":1.0,"messages":[{"content":"1.0"}]}'), { temperature: 1, messages: [{ content: '1.0' }] })
  })
})

test('many floats without a fraction are refused, because each is costly', () => {
  const body = (count: number): string => `{"tools":[{"a":[${Array(count).fill('1.0').join()}]}]}`
  assert.doesNotThrow(() => kept(body(4096)))
  assert.throws(() => kept(body(4097)), { code: 'body_too_large' })
})

describe('templateJsonReader', () => {
  const parseTemplateJson = (text: string): unknown => templateJsonReader()(text)

  test('keeps the kinds of all numbers', () => {
    assert.deepEqual(parseTemplateJson('{"a":[1.0,2]}'), { a: [float(1), 2] })
    assert.deepEqual(parseTemplateJson('3.0'), float(3))
  })

  test('rejects what is no JSON, and nesting without end', () => {
    assert.throws(() => parseTemplateJson('{a}'), SyntaxError)
    assert.throws(() => parseTemplateJson(`${'['.repeat(100)}${']'.repeat(100)}`), { code: 'invalid_json' })
  })

  it('rejects texts that have too many parts together, and counts no bytes of a string', () => {
    const read = templateJsonReader()
    const list = `[${'1,'.repeat(32_000)}1]`
    read(list)
    read(JSON.stringify({ code: '[1],'.repeat(100_000) }))
    read(list)
    assert.throws(() => read(list), { code: 'body_too_large', message: /65536 values and keys/ })
    templateJsonReader()(list)
  })
})
