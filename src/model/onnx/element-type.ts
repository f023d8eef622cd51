import { attributeOf, integerOf } from './attributes.ts'
import { FLOAT, INT64 } from './data-types.ts'
import { type Graph, type OnnxNode, producersOf } from './graph.ts'
import { readTensor } from './tensor.ts'
import { sourceOfBytes } from './wire.ts'

/** Most operators between a mask and the tensor that determines its type; the longest chain seen has nine. */
const MAX_STEPS = 64

/**
 * The TensorProto.DataType of a tensor, traced back to a cast, a weight, a constant or an input of the graph. Null when
 * the trace does not end in one of them.
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
    // The first input of Where is the condition.
    name = node.inputs[node.opType === 'Where' ? 1 : 0] ?? ''
  }
  return null
}

function ownType(node: OnnxNode): number | null {
  switch (node.opType) {
    case 'Cast':
      return integerOf(node, 'to', FLOAT)
    case 'Constant':
      return valueType(node) ?? ((attributeOf(node, 'value_int') ?? attributeOf(node, 'value_ints')) ? INT64 : FLOAT)
    case 'ConstantOfShape':
      return valueType(node) ?? FLOAT
    case 'Shape':
    case 'Size':
      return INT64
    default:
      return null
  }
}

/** The type of the tensor in the attribute `value`; null when the node has none. */
function valueType(node: OnnxNode): number | null {
  const encoded = attributeOf(node, 'value')?.tensor ?? null
  return encoded === null ? null : readTensor(sourceOfBytes(encoded)).dataType
}
