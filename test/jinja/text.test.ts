import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Text } from '../../src/jinja/text.ts'

describe('Text', () => {
  it('keeps the origins of a text that a loop adds to, however long the loop', () => {
    const additions = 100_000
    let text = new Text('[')
    for (let i = 0; i < additions; i++) text = Text.concat([Text.concat([text, Text.from('a', i)]), new Text(',')])
    assert.equal(text.value.length, 1 + 2 * additions)
    assert.equal(text.origins.length, additions)
    assert.deepEqual(text.origins.at(-1), { start: 2 * additions - 1, end: 2 * additions, source: additions - 1 })
  })

  it('joins neighbouring origins of one source, also across concatenations', () => {
    const doubled = Text.concat([Text.from('ab', 7), Text.from('c', 7)])
    const text = Text.concat([doubled, doubled, new Text('-'), doubled, Text.from('d', 8)])
    const expected = [
      { start: 0, end: 6, source: 7 },
      { start: 7, end: 10, source: 7 },
      { start: 10, end: 11, source: 8 }
    ]
    assert.deepEqual(text.origins, expected)
    assert.deepEqual(text.origins, expected)
    assert.deepEqual(Text.concat([text, text]).origins.length, 6)
  })

  it('gives a text without origins when no part has one', () => {
    assert.deepEqual(Text.concat([]).origins, [])
    assert.deepEqual(Text.concat([new Text('a'), Text.from('', 1)]).origins, [])
  })
})
