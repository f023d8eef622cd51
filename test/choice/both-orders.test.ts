import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verdictOf } from '../../src/choice/answer.ts'
import { inBothOrders, type OrderVerdict } from '../../src/choice/both-orders.ts'

const NAMES = ['A', 'B', 'tie'] as const

function verdict(order: OrderVerdict['order'], scores: readonly number[]): OrderVerdict {
  const choices = scores.map((score, index) => ({ index, name: NAMES[index] ?? '', log_prob: score, score, tokens: 1 }))
  return { order, mass: 0.5, ...verdictOf(choices) }
}

describe('inBothOrders', () => {
  it('separates what the candidates and what the places are worth', () => {
    // Candidate 1 is worth 1 nat more, the first place 3.
    const both = inBothOrders(verdict('given', [0, -4]), verdict('swapped', [0, -2]))
    assert.equal(both.position_bias, 3)
    assert.equal(both.best, 'A')
    assert.deepEqual(
      both.choices.map(({ score }) => score),
      [-1, -2]
    )
    assert.ok(Math.abs((both.choices[0]?.probability ?? 0) - 1 / (1 + Math.exp(-1))) < 1e-12)
    assert.equal(both.orders_agree, false)
  })

  it('agrees where the bias is smaller than the difference of the candidates', () => {
    const { orders_agree, position_bias, best } = inBothOrders(verdict('given', [-3, -1]), verdict('swapped', [0, -4]))
    assert.deepEqual([orders_agree, position_bias, best], [true, 1, 'B'])
  })

  it('gives equal candidates equal probabilities, whatever the bias', () => {
    const { choices, margin } = inBothOrders(verdict('given', [-1, -9]), verdict('swapped', [-1, -9]))
    assert.equal(choices[0]?.probability, choices[1]?.probability)
    assert.equal(margin, 0)
  })

  it('leaves a third choice its role', () => {
    const { choices, best, orders_agree } = inBothOrders(verdict('given', [-3, -5, -1]), verdict('swapped', [-7, -2, -1]))
    assert.deepEqual(
      choices.map(({ score }) => score),
      [-2.5, -6, -1]
    )
    assert.deepEqual([best, orders_agree], ['tie', true])
  })
})
