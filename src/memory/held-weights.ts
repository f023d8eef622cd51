import type { Graph } from '../model/onnx/graph.ts'
import { isHalf, storedBytes } from './shapes/tensor-info.ts'

/** Where the weights of a loaded model are, in bytes. */
export interface HeldWeights {
  /** In the process's own memory: repacked for the matrix kernels, or cast to float32. */
  readonly heldBytes: number
  /** Mapped from their file; the kernel may drop these pages and read them again. */
  readonly mappedBytes: number
  /** The largest weight in `heldBytes`. It exists twice while it is repacked. */
  readonly largestHeldBytes: number
}

/**
 * Operators whose second factor is repacked at load, into as many bytes; the original is then released (measured,
 * docs/decisions/0010-memory.md).
 */
const REPACKED = new Set(['MatMul', 'Gemm', 'MatMulNBits', 'MatMulInteger', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul'])
/** Operators that read a weight as it is stored, including float16. */
const ROW_READERS = new Set(['Gather', 'GatherBlockQuantized', 'Transpose'])
/** Smaller weights are copied into the process. */
const MAPPED_BYTES = 1 << 16

/** On the CPU the operators that read a weight decide where it is. */
export function heldWeights({ nodes, initializers }: Pick<Graph, 'nodes' | 'initializers'>): HeldWeights {
  const readers = new Map<string, { opType: string; position: number }[]>()
  for (const { opType, inputs, captures } of nodes) {
    inputs.forEach((name, position) => readers.set(name, [...(readers.get(name) ?? []), { opType, position }]))
    // A weight that a subgraph captures is the LM head's, which the Scan multiplies.
    for (const name of captures) readers.set(name, [...(readers.get(name) ?? []), { opType: 'MatMul', position: 1 }])
  }
  const sums = { heldBytes: 0, mappedBytes: 0, largestHeldBytes: 0 }
  for (const initializer of initializers) {
    const stored = storedBytes(initializer.dims, initializer.dataType)
    const uses = readers.get(initializer.name) ?? []
    const isRead = uses.some(({ opType }) => ROW_READERS.has(opType))
    const isRepacked = uses.some(({ opType, position }) => position === 1 && REPACKED.has(opType))
    const isHalfWidth = isHalf(initializer.dataType)
    const held = isRepacked || (isHalfWidth && !isRead) ? stored * (isHalfWidth ? 2 : 1) : stored < MAPPED_BYTES ? stored : 0
    sums.heldBytes += held
    if (held === 0 || isRead) sums.mappedBytes += stored
    sums.largestHeldBytes = Math.max(sums.largestHeldBytes, held)
  }
  return sums
}
