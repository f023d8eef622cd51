import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RadixTree } from '../../../../src/engine/process/prefix-cache/radix-tree.ts'

/** Payload of a run: its tokens and their positions, which reveal a wrong cut. */
type Spelled = readonly string[]
const spell = (ids: Int32Array, from: number, to: number): Spelled => [...ids.subarray(from, to)].map((id, i) => `${from + i}:${id}`)

const NODE = 2
function treeOf(capacity: number): RadixTree<Spelled> {
  return new RadixTree({ capacity, node: NODE, token: 1 }, (payload, from, to) => payload.slice(from, to))
}
function add(tree: RadixTree<Spelled>, ids: Int32Array): number {
  return tree.extend(tree.find(ids, ids.length), ids, ids.length, (from, to) => spell(ids, from, to))
}
const sequence = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }).map((ids) => Int32Array.from(ids))
const sequences = fc.array(sequence, { minLength: 1, maxLength: 25 })

describe('RadixTree', () => {
  test('spells every prefix along its path, in tokens and in payloads', () => {
    fc.assert(
      fc.property(sequences, fc.integer({ min: 0, max: 60 }), (given, capacity) => {
        const tree = treeOf(capacity)
        for (const ids of given) {
          add(tree, ids)
          for (const other of given) {
            const { steps, length } = tree.find(other, other.length)
            assert.deepEqual(
              steps.flatMap(({ node, taken }) => [...node.ids.subarray(0, taken)]),
              [...other.subarray(0, length)]
            )
            assert.deepEqual(
              steps.flatMap(({ node, taken }) => node.payload.slice(0, taken)),
              spell(other, 0, length)
            )
            for (const { node } of steps) assert.equal(node.payload.length, node.ids.length)
          }
        }
      })
    )
  })

  test('weighs as much as its content and stays within the capacity', () => {
    fc.assert(
      fc.property(sequences, fc.integer({ min: 0, max: 60 }), (given, capacity) => {
        const tree = treeOf(capacity)
        let added = 0
        for (const ids of given) {
          added += add(tree, ids)
          const found = new Set(given.flatMap((other) => [...Array(tree.find(other, other.length).length).keys()].map((end) => other.slice(0, end + 1).join())))
          assert.equal(tree.weight, found.size + NODE * tree.nodeCount)
          assert.equal(found.size, added - tree.evictedTokens)
          assert.ok(tree.weight <= capacity)
        }
      })
    )
  })

  test('adds a run whole when it fits beside its own path', () => {
    fc.assert(
      fc.property(sequences, fc.integer({ min: 0, max: 60 }), (given, capacity) => {
        const tree = treeOf(capacity)
        for (const ids of given) {
          const { steps, length } = tree.find(ids, ids.length)
          const needed = NODE * (steps.length + 1) + ids.length
          const added = add(tree, ids)
          if (needed <= capacity) assert.equal(added, ids.length - length)
          assert.equal(tree.find(ids, ids.length).length, length + added)
        }
      })
    )
  })

  test('keeps the most recently used of sequences without a common prefix', () => {
    const uses = fc.array(fc.record({ first: fc.nat(9), length: fc.integer({ min: 1, max: 8 }), isAdded: fc.boolean() }), { maxLength: 40 })
    fc.assert(
      fc.property(uses, fc.integer({ min: NODE + 8, max: 40 }), (given, capacity) => {
        const tree = treeOf(capacity)
        /** First tokens and lengths, the least recently used first. */
        let kept: { first: number; length: number }[] = []
        for (const { first, length, isAdded } of given) {
          const old = kept.find((entry) => entry.first === first)
          if (old === undefined && !isAdded) continue
          const ids = new Int32Array(old?.length ?? length).fill(100)
          ids[0] = first
          if (isAdded) add(tree, ids)
          else tree.use(tree.find(ids, 1))
          kept = [...kept.filter((entry) => entry.first !== first), { first, length: ids.length }]
          while (kept.reduce((sum, entry) => sum + NODE + entry.length, 0) > capacity) kept.shift()
          const found = Array.from({ length: 10 }, (_, id) => tree.find(Int32Array.of(id), 1).length)
          assert.deepEqual(
            found,
            Array.from({ length: 10 }, (_, id) => (kept.some((entry) => entry.first === id) ? 1 : 0))
          )
        }
      })
    )
  })

  test('fills free space without eviction for a run that exceeds half of the capacity', () => {
    const tree = treeOf(20)
    const shared = [1, 2, 3, 4, 5, 6, 7, 8]
    const first = Int32Array.of(...shared, 9, 10)
    add(tree, first)
    assert.equal(add(tree, Int32Array.of(...shared, ...Array<number>(20).fill(11))), 20 - 3 * NODE - first.length)
    assert.equal(tree.find(first, 10).length, 10)
    assert.equal(tree.evictedTokens, 0)
  })

  test('finds no more tokens than the limit', () => {
    const tree = treeOf(100)
    const ids = Int32Array.of(1, 2, 3, 4)
    add(tree, ids)
    assert.equal(tree.find(ids, 3).length, 3)
    assert.equal(tree.find(ids, 9).length, 4)
    assert.equal(tree.find(ids, 0).length, 0)
  })

  test('adds nothing when the payload throws', () => {
    const tree = treeOf(100)
    const ids = Int32Array.of(1, 2, 3, 4)
    add(tree, ids)
    const other = Int32Array.of(1, 2, 9)
    assert.throws(() =>
      tree.extend(tree.find(other, 3), other, 3, () => {
        throw new Error('no memory')
      })
    )
    assert.equal(tree.find(other, 3).length, 2)
    assert.equal(tree.find(ids, 4).length, 4)
    assert.equal(tree.weight, 4 + NODE * tree.nodeCount)
  })
})
