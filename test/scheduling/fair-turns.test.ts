import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairTurns } from '../../src/scheduling/fair-turns.ts'

/** Serves the first member `times` times, `tokens` each, and returns the members in the order they were served. */
function served(turns: FairTurns<string>, tokens: number, times: number): string {
  return Array.from({ length: times }, () => {
    const [first = ''] = turns.inOrder()
    turns.serve(first)
    turns.charge(first, tokens)
    return first
  }).join('')
}

function turnsOf(...members: readonly string[]): FairTurns<string> {
  const turns = new FairTurns<string>()
  for (const member of members) turns.join(member)
  return turns
}

describe('FairTurns', () => {
  it('serves members equally, in the order they joined', () => assert.equal(served(turnsOf('a', 'b', 'c'), 10, 6), 'abcabc'))

  it('serves a member more often that takes fewer tokens per turn', () => {
    const turns = turnsOf('a', 'b')
    turns.charge('a', 30)
    assert.equal(served(turns, 10, 5), 'bbbab')
  })

  it('neither delays a newcomer for what others received nor lets it catch up', () => {
    const turns = turnsOf('a')
    served(turns, 10, 100)
    turns.join('b')
    assert.equal(served(turns, 10, 4), 'baba')
  })

  it('gives no advantage to a member that leaves after every turn and rejoins', () => {
    const turns = turnsOf('a', 'b')
    let order = ''
    for (let i = 0; i < 20; i++) {
      const first = served(turns, 10, 1)
      order += first
      if (first !== 'b') continue
      turns.leave('b')
      turns.join('b')
    }
    assert.equal(order, 'ab'.repeat(10))
  })

  it('resets all counts when nobody waits', () => {
    const turns = turnsOf('a', 'b')
    turns.charge('a', 100)
    turns.leave('a')
    turns.leave('b')
    assert.equal(turns.isEmpty, true)
    for (const member of ['a', 'b']) turns.join(member)
    assert.equal(served(turns, 10, 2), 'ab')
  })
})
