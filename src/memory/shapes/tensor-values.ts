import { BOOL, FLOAT, INT64 } from '../../model/onnx/graph.ts'
import { bytesOf, fieldsOf, integersOf, sourceOfBytes } from '../../model/onnx/wire.ts'
import { elementCount, facts, MAX_KNOWN_VALUES, type TensorFacts } from './tensor-facts.ts'

const INT32 = 6

/** Little-endian values of a small tensor; null for types that no shape is made of, and for what is too large. */
export function valuesOfBytes(elementType: number, bytes: Uint8Array): readonly number[] | null {
  if (bytes.length > 8 * MAX_KNOWN_VALUES) return null
  const aligned = Uint8Array.from(bytes).buffer
  if (elementType === INT64) return Array.from(new BigInt64Array(aligned), Number)
  if (elementType === INT32) return [...new Int32Array(aligned)]
  if (elementType === FLOAT) return [...new Float32Array(aligned)]
  if (elementType === BOOL) return [...new Uint8Array(aligned)]
  return null
}

/** What a TensorProto { dims 1, data_type 2, int32_data 5, int64_data 7, raw_data 9 } that travels inside the graph tells. */
export function factsOfTensor(encoded: Uint8Array): TensorFacts {
  const source = sourceOfBytes(encoded)
  const dims: number[] = []
  const listed: number[] = []
  let elementType = 0
  let raw: Uint8Array | null = null
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 1) dims.push(...[...integersOf(source, field)].map(Number))
    else if (field.number === 2) elementType = Number(field.varint)
    else if (field.number === 5 || field.number === 7) listed.push(...[...integersOf(source, field)].map(Number))
    else if (field.number === 9) raw = bytesOf(source, field)
  }
  const values = raw === null ? listed : valuesOfBytes(elementType, raw)
  return facts(elementType, dims, values?.length === elementCount(dims) ? values : null)
}
