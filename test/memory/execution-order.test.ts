import assert from 'node:assert/strict'
import { test } from 'node:test'
import { executionOrder } from '../../src/memory/execution-order.ts'
import { buildNode } from '../../src/model/onnx/build-node.ts'

const early = buildNode('Early', ['x'], ['a'])
const late = buildNode('Late', ['x'], ['b'])
const sum = buildNode('Add', ['a', 'b'], ['c'])

test('of two producers, the later node runs first', () => {
  assert.deepEqual(
    executionOrder([early, late, sum], () => false).map(({ opType }) => opType),
    ['Late', 'Early', 'Add']
  )
})

test('a node created by a fusion counts as the latest', () => {
  assert.deepEqual(
    executionOrder([early, late, sum], (node) => node === early).map(({ opType }) => opType),
    ['Early', 'Late', 'Add']
  )
})
