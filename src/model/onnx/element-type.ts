import { attributeOf, integerOf } from './attributes.ts'
import { FLOAT, type Graph, INT64, type OnnxNode, producersOf } from './graph.ts'
import { fieldsOf, integersOf, sourceOfBytes } from './wire.ts'

/** The chain of operators between a mask and what its type comes from; the longest seen has nine. */
const MAX_STEPS = 64

/**
 * The TensorProto.DataType of a tensor, found by walking back to what says it: a cast, a weight, a constant, an input of the graph.
 * Null where the chain ends in an operator whose type does not follow from its first input.
 */
export function elementTypeOf(graph: Graph, tensor: string): number | null {
  const producers = producersOf(graph)
  let name = tensor
  for (let step = 0; step < MAX_STEPS; step++) {
    const at = name
    const declared = graph.inputs.find((each) => each.name === at)?.elementType ?? graph.initializers.find((each) => each.name === at)?.dataType
    if (declared !== undefined) return declared
    const node = producers.get(at)
    if (node === undefined) return null
    const own = ownType(node)
    if (own !== null) return own
    // The first input of Where is its condition.
    name = node.inputs[node.opType === 'Where' ? 1 : 0] ?? ''
  }
  return null
}

function ownType(node: OnnxNode): number | null {
  switch (node.opType) {
    case 'Cast':
      return integerOf(node, 'to', FLOAT)
    case 'Constant':
      return tensorType(node) ?? ((attributeOf(node, 'value_int') ?? attributeOf(node, 'value_ints')) ? INT64 : FLOAT)
    case 'ConstantOfShape':
      return tensorType(node) ?? FLOAT
    case 'Shape':
    case 'Size':
      return INT64
    default:
      return null
  }
}

/** TensorProto { data_type 2 } of a `value` */
function tensorType(node: OnnxNode): number | null {
  const encoded = attributeOf(node, 'value')?.tensor ?? null
  if (encoded === null) return null
  const source = sourceOfBytes(encoded)
  for (const field of fieldsOf(source, 0, source.sizeBytes)) if (field.number === 2) for (const value of integersOf(source, field)) return Number(value)
  return null
}
