import { tensorBytes, tensorType } from '../onnx/data-types.ts'
import type { Tensor } from '../onnx/tensor.ts'
import type { StoredTensor } from './stored-tensors.ts'

/** Most padding after a tensor, for the alignment of the next one: the larger of the two alignments in onnx.proto3. */
const ALIGNMENT_BYTES = 65_536n
const LONGEST_NAME = 120
const AGAIN = 'the file is damaged or of another version; download it again'

/** Bytes of a tensor in its data file. */
interface ExternalRange {
  readonly offset: bigint
  /** As dims and data type require; as the entry says where the type has no fixed size. */
  readonly length: bigint
}

/** Where the elements of an external tensor without a `declarationFault` are. */
export function externalRange({ dims, dataType, storage }: Tensor): ExternalRange {
  const offset = storage.kind === 'external' ? storage.offset : undefined
  const length = storage.kind === 'external' ? storage.length : undefined
  return { offset: BigInt(offset ?? 0), length: tensorBytes(dims, dataType) ?? BigInt(length ?? 0) }
}

/** Why the declaration of a tensor contradicts itself, whatever the data files hold; null when it does not. */
export function declarationFault(tensor: StoredTensor, modelFile: string): string | null {
  const { dims, dataType, storage } = tensor
  const where = `${tensorName(tensor)} of ${modelFile}`
  if (dims.some((dim) => dim < 0n)) return `${where} has a negative dimension, ${tensorType(dims, dataType)}: ${AGAIN}`
  const needed = tensorBytes(dims, dataType)
  if (needed !== null && needed > BigInt(Number.MAX_SAFE_INTEGER)) return `${where} would take ${needed} bytes, ${tensorType(dims, dataType)}: ${AGAIN}`
  if (storage.kind === 'external') return entriesFault(tensor, where, needed)
  if (needed === null) return null
  if (storage.kind === 'raw' && BigInt(storage.length) !== needed)
    return `${where} needs ${needed} bytes, ${tensorType(dims, dataType)}, and has ${storage.length}: ${AGAIN}`
  if (storage.kind === 'none' && needed > 0n) return `${where} needs ${needed} bytes, ${tensorType(dims, dataType)}, and has none: ${AGAIN}`
  return null
}

/** Why the data file cannot hold the tensor, which must have no `declarationFault`; null when it can. */
export function extentFault(tensor: StoredTensor, modelFile: string, dataFile: string, dataFileBytes: number): string | null {
  const { offset, length } = externalRange(tensor)
  if (offset + length <= BigInt(dataFileBytes)) return null
  const extent = `${tensorName(tensor)} of ${modelFile} lies at bytes ${offset} to ${offset + length} of ${dataFile}`
  return `${extent}, which has ${dataFileBytes}: ${dataFile} is cut off or belongs to another version of the model; download both again`
}

/**
 * Names an initializer that a graph has twice: onnxruntime would silently take the later one. Null when there is none.
 */
export function duplicateFault(tensors: readonly StoredTensor[], modelFile: string): string | null {
  const seen = new Set<string>()
  for (const tensor of tensors) {
    // A branch may reuse a name of the graph around it.
    if (tensor.scope !== 'graph' || tensor.name === '') continue
    if (seen.has(tensor.name)) return `${modelFile} has ${tensorName(tensor)} twice: ${AGAIN}`
    seen.add(tensor.name)
  }
  return null
}

/** A tensor for messages. Its name comes from the file, so it is quoted, and cut when long. */
export function tensorName({ name, scope }: Pick<StoredTensor, 'name' | 'scope'>): string {
  const quoted = JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name)
  return scope === null || scope === 'graph' ? `tensor ${quoted}` : `tensor ${quoted} (${scope})`
}

function entriesFault({ dims, dataType, storage }: StoredTensor, where: string, needed: bigint | null): string | null {
  if (storage.kind !== 'external') return null
  for (const entry of ['offset', 'length'] as const) {
    const text = storage[entry]
    if (text !== undefined && !/^\d{1,18}$/.test(text)) return `${where} has an external ${entry} that is not a number of bytes: ${AGAIN}`
  }
  const length = BigInt(storage.length ?? 0)
  // A length of 0 and a missing entry both mean as many bytes as needed.
  if (needed === null || length === 0n || (length >= needed && length < needed + ALIGNMENT_BYTES)) return null
  return `${where} needs ${needed} bytes, ${tensorType(dims, dataType)}, and its external data has a length of ${length}: ${AGAIN}`
}
