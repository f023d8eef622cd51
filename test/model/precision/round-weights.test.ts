import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { BLOCK_SIZE, LARGEST_ROW_WEIGHT } from '../../../src/model/precision/eight-bit-form.ts'
import { roundWeights, type StoredRows } from '../../../src/model/precision/round-weights.ts'
import { present } from '../../support/present.ts'

/** (K, N) in (-1/8, 1/8), exact in float32; one block of zeros. */
function matrix(K: number, N: number, seed: number): Float32Array {
  const values = new Float32Array(K * N)
  for (let i = 0, state = seed; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = ((state >>> 8) - (1 << 23)) * 2 ** -26
  }
  for (let k = 0; k < BLOCK_SIZE; k++) values[k * N + 3] = 0
  return values
}

function stored(values: Float32Array, K: number, N: number): StoredRows {
  return { rowCount: K, columnCount: N, isTransposed: false, rows: (from, count) => values.subarray(from * N, (from + count) * N) }
}

function storedByOutput(values: Float32Array, K: number, N: number): StoredRows {
  const turned = new Float32Array(K * N)
  for (let k = 0; k < K; k++) for (let n = 0; n < N; n++) turned[n * K + k] = present(values[k * N + n])
  return { rowCount: N, columnCount: K, isTransposed: true, rows: (from, count) => turned.subarray(from * K, (from + count) * K) }
}

function sha256({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
}

/**
 * Source: `quantize_matmul_8bits` of onnxruntime 1.30.0 in Python, symmetric, on the matrix padded with zeros to whole
 * blocks.
 */
const BY_ONNXRUNTIME = [
  {
    K: 256,
    N: 40,
    seed: 1,
    values: '5998f4b33f63c76b85fb82701a888ac4a74be0e8c59dc1fb98586a46e6456073',
    scales: 'af7bf01d4717e68b65cdb331772216190d9cda5c22da62ff1b2c434947e7111a'
  },
  {
    K: 300,
    N: 17,
    seed: 2,
    values: 'b846883bb6af019b1f9c92a6db38a4b0182260f6350e270646da8508235884a1',
    scales: 'ad1acb20b682271ed77a5e3a31413171feb311d9407e0ad4a472fb4c64e59b8f'
  },
  {
    K: 768,
    N: 256,
    seed: 3,
    values: '17701d5fbf6cf5da399eb0800f94d44000608571d8472d2cbb042421ce050324',
    scales: 'ecc3323125704ba6fb0e2fd39105a36785f7f66b4a2cade589b605c0605d4f32'
  }
]

describe('roundWeights in blocks', () => {
  for (const { K, N, seed, values, scales } of BY_ONNXRUNTIME)
    it(`matches onnxruntime's quantizer bit for bit on ${K} x ${N}, for both storage orders`, () => {
      const weights = matrix(K, N, seed)
      for (const rows of [stored(weights, K, N), storedByOutput(weights, K, N)]) {
        const rounded = roundWeights(rows, 'blocks')
        assert.deepEqual([sha256(rounded.values), sha256(rounded.scales)], [values, scales])
      }
    })
})

describe('roundWeights by output', () => {
  const [K, N] = [300, 37]
  const weights = matrix(K, N, 5)
  for (let k = 0; k < K; k++) weights[k * N + 7] = 0
  const rounded = roundWeights(stored(weights, K, N), 'rows')

  it('keeps every weight to half a step, the largest of an output exactly', () => {
    for (let n = 0; n < N; n++) {
      const column = Array.from({ length: K }, (_, k) => present(weights[k * N + n]))
      const scale = present(rounded.scales[n])
      const largest = Math.max(...column.map(Math.abs))
      assert.ok(n === 7 || Math.abs(scale - largest / LARGEST_ROW_WEIGHT) <= 1e-7 * largest)
      column.forEach((weight, k) => {
        assert.ok(Math.abs(weight - present(rounded.values[k * N + n]) * scale) <= scale * 0.5001)
      })
    }
  })

  it('keeps the sum of any two products within 16 bits', () => {
    assert.equal(Math.max(...rounded.values.map(Math.abs)), LARGEST_ROW_WEIGHT)
    assert.ok(2 * 255 * LARGEST_ROW_WEIGHT < 2 ** 15)
  })

  it('stores zeros and a finite scale for an output whose weights are all zero', () => {
    assert.equal(rounded.scales[7], 1)
    assert.ok(Array.from({ length: K }, (_, k) => rounded.values[k * N + 7]).every((value) => value === 0))
  })

  it('rounds a matrix stored by output to the same values', () => {
    const turned = roundWeights(storedByOutput(weights, K, N), 'rows')
    assert.deepEqual([sha256(turned.values), sha256(turned.scales)], [sha256(rounded.values), sha256(rounded.scales)])
  })
})
