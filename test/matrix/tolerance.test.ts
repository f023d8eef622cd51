import assert from 'node:assert/strict'
import { test } from 'node:test'
import { largestDifference, toleranceOf } from './tolerance.ts'

test('the largest difference is over every token of every text', () => {
  assert.equal(largestDifference([[-1], [-2, -3]], [[-1], [-2, -3.5]]), 0.5)
})

test('a missing text, a missing token and a number that is none are infinitely far away', () => {
  for (const other of [[[-1]], [[-1], [-2]], [[-1], [-2, Number.NaN]]]) assert.equal(largestDifference([[-1], [-2, -3]], other), Number.POSITIVE_INFINITY)
  assert.equal(largestDifference([[-1]], [[-1], [-2]]), Number.POSITIVE_INFINITY)
})

test('only numbers of unquantized float32 weights are judged by transformers in float64', () => {
  const judged = ['fp32', 'fp16', 'q4', 'q4f16', 'int4', 'bnb4'].filter((dtype) => toleranceOf({ dtype, file: 'model.onnx' }).toFloat64 !== null)
  assert.deepEqual(judged, ['fp32'])
})
