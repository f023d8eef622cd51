import { FLOAT16, type Graph, type Initializer } from '../model/onnx/graph.ts'
import { elementCount } from './shapes/tensor-info.ts'

/** Where a model's weights lie once it is loaded, in bytes. */
export interface HeldWeights {
  /** In memory of the process: repacked for the matrix kernels, or cast to float32. Cannot be given back. */
  readonly heldBytes: number
  /** Mapped from their file; the system may drop and read them again. */
  readonly mappedBytes: number
  /** The largest that is repacked: while that happens, it is there twice. */
  readonly largestHeldBytes: number
}

const BFLOAT16 = 16
/** Bytes of one element in the file by TensorProto.DataType. */
const STORED_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2, 21: 0.5, 22: 0.5 }
/** Second factors of these are repacked at load, in as many bytes; the original is let go (measured, docs/decisions/0010-memory.md). */
const REPACKED = new Set(['MatMul', 'Gemm', 'MatMulNBits', 'MatMulInteger', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul'])
/** Operators that read rows of a matrix as it is stored, float16 included. */
const ROW_READERS = new Set(['Gather', 'GatherBlockQuantized', 'Transpose'])
/** Smaller weights are copied; together they matter to nobody. */
const LARGE_BYTES = 1 << 16

/** What becomes of each weight of a graph on the CPU, by the operators that read it. */
export function heldWeights({ nodes, initializers }: Pick<Graph, 'nodes' | 'initializers'>): HeldWeights {
  const readers = new Map<string, { opType: string; position: number }[]>()
  for (const { opType, inputs, captures } of nodes) {
    inputs.forEach((name, position) => readers.set(name, [...(readers.get(name) ?? []), { opType, position }]))
    // The head's own product reads them, inside the Scan.
    for (const name of captures) readers.set(name, [...(readers.get(name) ?? []), { opType: 'MatMul', position: 1 }])
  }
  const sums = { heldBytes: 0, mappedBytes: 0, largestHeldBytes: 0 }
  for (const initializer of initializers) {
    const stored = storedBytes(initializer)
    const uses = readers.get(initializer.name) ?? []
    const isRead = uses.some(({ opType }) => ROW_READERS.has(opType))
    const isRepacked = uses.some(({ opType, position }) => position === 1 && REPACKED.has(opType))
    const isHalf = initializer.dataType === FLOAT16 || initializer.dataType === BFLOAT16
    const held = isRepacked || (isHalf && !isRead) ? stored * (isHalf ? 2 : 1) : stored < LARGE_BYTES ? stored : 0
    sums.heldBytes += held
    if (held === 0 || isRead) sums.mappedBytes += stored
    sums.largestHeldBytes = Math.max(sums.largestHeldBytes, held)
  }
  return sums
}

function storedBytes({ dims, dataType }: Initializer): number {
  return Math.ceil(elementCount(dims) * (STORED_BYTES[dataType] ?? 4))
}
