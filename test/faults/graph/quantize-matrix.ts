export type WeightType = 'int8' | 'uint8'

/** A stored matrix: (rows, columns) row-major, used directly or transposed. */
export interface StoredMatrix {
  readonly values: Float32Array
  readonly rows: number
  readonly columns: number
  readonly transposed: boolean
}

/** 8-bit weights: w = (byte - zero point) · scale, with one scale and zero point, or one of each per column. */
export interface MatrixQuantization {
  /** (rows, columns) row-major, after the transposition if there is one. */
  readonly bytes: Uint8Array
  readonly rows: number
  readonly columns: number
  readonly signed: boolean
  readonly scales: readonly number[]
  readonly zeroPoints: readonly number[]
}

/**
 * Quantizes a matrix as onnxruntime.quantization does: int8 is symmetric, with the largest magnitude at 127; uint8
 * covers the smallest to the largest value and zero. Rounds half to even.
 */
export function quantizeMatrix(matrix: StoredMatrix, type: WeightType, perChannel: boolean): MatrixQuantization {
  const [rows, columns] = matrix.transposed ? [matrix.columns, matrix.rows] : [matrix.rows, matrix.columns]
  const at = (row: number, column: number): number => matrix.values[matrix.transposed ? column * rows + row : row * columns + column]!

  const groups = perChannel ? columns : 1
  const lowest = new Float32Array(groups)
  const highest = new Float32Array(groups)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const group = perChannel ? column : 0
      lowest[group] = Math.min(lowest[group]!, at(row, column))
      highest[group] = Math.max(highest[group]!, at(row, column))
    }
  }

  const signed = type === 'int8'
  const scales = Array.from(lowest, (low, group) => {
    const range = signed ? 2 * Math.max(-low, highest[group]!) : highest[group]! - low
    return Math.fround(range / (signed ? 254 : 255)) || 1
  })
  const zeroPoints = Array.from(lowest, (low, group) => (signed ? 0 : roundHalfEven(-low / scales[group]!)))
  const bytes = new Uint8Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const group = perChannel ? column : 0
      const level = roundHalfEven(Math.fround(at(row, column) / scales[group]!)) + zeroPoints[group]!
      // Negative values are stored in two's complement.
      bytes[row * columns + column] = signed ? Math.max(-127, Math.min(127, level)) : Math.max(0, Math.min(255, level))
    }
  }
  return { bytes, rows, columns, signed, scales, zeroPoints }
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
