import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairTurns } from '../../src/scheduling/fair-turns.ts'

/** Serves whoever is first, `tokens` each, and says who it was. */
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
  it('serves members alike, those that came first first', () => assert.equal(served(turnsOf('a', 'b', 'c'), 10, 6), 'abcabc'))

  it('serves more often who takes less at a time', () => {
    const turns = turnsOf('a', 'b')
    turns.charge('a', 30)
    assert.equal(served(turns, 10, 5), 'bbbab')
  })

  it('neither lets a newcomer wait for what others had nor lets it make up for it', () => {
    const turns = turnsOf('a')
    served(turns, 10, 100)
    turns.join('b')
    assert.equal(served(turns, 10, 4), 'baba')
  })

  it('gives no advantage to who leaves after every turn and comes back', () => {
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

  it('forgets what was served when nobody waits any more', () => {
    const turns = turnsOf('a', 'b')
    turns.charge('a', 100)
    turns.leave('a')
    turns.leave('b')
    assert.equal(turns.isEmpty, true)
    for (const member of ['a', 'b']) turns.join(member)
    assert.equal(served(turns, 10, 2), 'ab')
  })
})
