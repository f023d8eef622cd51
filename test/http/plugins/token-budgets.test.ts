import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TokenBudgets } from '../../../src/http/plugins/token-budgets.ts'

describe('TokenBudgets', () => {
  it('gives a client a whole minute of tokens at once, and then returns them evenly', () => {
    let nowMs = 0
    const budgets = new TokenBudgets(() => nowMs)
    assert.equal(budgets.left('a', 600), 600)
    budgets.spend('a', 600, 600)
    assert.deepEqual([budgets.left('a', 600), budgets.waitMs('a', 600)], [0, 100])
    nowMs += 30_000
    assert.deepEqual([budgets.left('a', 600), budgets.waitMs('a', 600)], [300, 0])
    nowMs += 90_000
    assert.equal(budgets.left('a', 600), 600)
  })

  it('lets a client wait until the debt of a large request is paid, and nobody else', () => {
    let nowMs = 0
    const budgets = new TokenBudgets(() => nowMs)
    budgets.spend('a', 1800, 600)
    assert.equal(Math.round(budgets.waitMs('a', 600)), 120_100)
    assert.equal(budgets.waitMs('b', 600), 0)
    nowMs += 120_101
    assert.equal(budgets.waitMs('a', 600), 0)
  })

  it('does not let a client with a small limit end the debt of another', () => {
    let nowMs = 0
    const budgets = new TokenBudgets(() => nowMs)
    budgets.spend('large', 500_000, 1_000_000)
    budgets.spend('small', 1, 1000)
    assert.equal(budgets.left('large', 1_000_000), 500_000)
    nowMs += 60_000
    budgets.spend('small', 1, 1000)
    assert.equal(budgets.left('large', 1_000_000), 1_000_000)
  })

  it('gives a client no more than its limit in the long run', () => {
    let nowMs = 0
    const budgets = new TokenBudgets(() => nowMs)
    let spent = 0
    for (; nowMs < 600_000; nowMs += 50) {
      if (budgets.waitMs('a', 600) > 0) continue
      budgets.spend('a', 250, 600)
      spent += 250
    }
    assert.ok(spent >= 6000 && spent <= 6000 + 600 + 250, `${spent} tokens in ten minutes`)
  })
})
