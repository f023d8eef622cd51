import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type MatrixQuantization, quantizeMatrix, type StoredMatrix, type WeightType } from './quantize-matrix.ts'

const ROWS = 5
const COLUMNS = 7
const matrix: StoredMatrix = {
  values: Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => Math.sin(i * i) * (1 + (i % COLUMNS))),
  rows: ROWS,
  columns: COLUMNS,
  transposed: false
}

function valueAt({ bytes, columns, signed, scales, zeroPoints }: MatrixQuantization, row: number, column: number): number {
  const group = scales.length === 1 ? 0 : column
  const byte = bytes[row * columns + column]!
  return ((signed && byte > 127 ? byte - 256 : byte) - zeroPoints[group]!) * scales[group]!
}

describe('quantizeMatrix', () => {
  for (const type of ['int8', 'uint8'] satisfies WeightType[]) {
    for (const perChannel of [false, true]) {
      it(`reproduces every weight within half a step (${type}, ${perChannel ? 'a scale per column' : 'one scale'})`, () => {
        const quantized = quantizeMatrix(matrix, type, perChannel)
        assert.equal(quantized.scales.length, perChannel ? COLUMNS : 1)
        for (let row = 0; row < ROWS; row++) {
          for (let column = 0; column < COLUMNS; column++) {
            const error = Math.abs(valueAt(quantized, row, column) - matrix.values[row * COLUMNS + column]!)
            // The zero point of uint8 is rounded as well.
            assert.ok(error <= quantized.scales[perChannel ? column : 0]! * (type === 'int8' ? 0.501 : 1.001), `${row}, ${column}: off by ${error}`)
          }
        }
      })
    }
  }

  it('transposes the matrix', () => {
    const plain = quantizeMatrix(matrix, 'int8', false)
    const transposed = quantizeMatrix({ ...matrix, transposed: true }, 'int8', false)
    assert.deepEqual([transposed.rows, transposed.columns], [COLUMNS, ROWS])
    assert.equal(transposed.bytes[2 * ROWS + 1], plain.bytes[1 * COLUMNS + 2])
    assert.notDeepEqual(transposed.bytes, plain.bytes)
  })

  it('keeps a zero matrix at zero', () => {
    const zeros = quantizeMatrix({ ...matrix, values: new Float32Array(ROWS * COLUMNS) }, 'uint8', true)
    assert.equal(valueAt(zeros, 2, 3), 0)
  })
})
