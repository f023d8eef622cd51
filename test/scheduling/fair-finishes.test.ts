import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairFinishes } from '../../src/scheduling/fair-finishes.ts'

function finishesOf(sizes: Readonly<Record<string, number>>): FairFinishes<string> {
  const finishes = new FairFinishes<string>()
  for (const [member, tokens] of Object.entries(sizes)) finishes.join(member, tokens)
  return finishes
}

describe('FairFinishes', () => {
  it('lets equal members finish in the order in which they joined', () => {
    const finishes = finishesOf({ a: 10, b: 10 })
    finishes.serve(5)
    assert.deepEqual(finishes.inOrder(), ['a', 'b'])
  })

  it('lets small members pass large ones', () => assert.deepEqual(finishesOf({ large: 100, small: 10 }).inOrder(), ['small', 'large']))

  it('lets a large member pass newcomers that would finish after it', () => {
    const finishes = finishesOf({ large: 100 })
    finishes.serve(95)
    finishes.join('small', 10)
    assert.deepEqual(finishes.inOrder(), ['large', 'small'])
  })

  it('divides what was served among those that would not have finished', () => {
    const finishes = finishesOf({ a: 10, b: 100 })
    // 20 tokens until a would have finished, then 30 of b alone.
    finishes.serve(50)
    finishes.join('sooner', 59)
    finishes.join('later', 61)
    assert.deepEqual(finishes.inOrder(), ['a', 'sooner', 'b', 'later'])
  })

  it('does not serve a newcomer for what it missed', () => {
    const finishes = finishesOf({ a: 1000 })
    finishes.serve(500)
    finishes.join('b', 500)
    assert.deepEqual(finishes.inOrder(), ['a', 'b'])
    finishes.leave('a')
    finishes.leave('b')
    assert.equal(finishes.isEmpty, true)
  })
})
