import type { Graph } from './graph.ts'

/** They read how large a tensor is, not what it holds. */
const SIZE_READERS = new Set(['Shape', 'Size'])

/**
 * The tensors whose values come from the embedded tokens or from a past: hidden states, queries, keys, scores. Masks, positions and
 * shapes, which follow from how long the texts are, are not among them. One pass is enough, as ONNX wants nodes in topological order.
 */
export function activationsOf({ nodes, inputs }: Graph): ReadonlySet<string> {
  const ids = new Set(['input_ids'])
  const activations = new Set(inputs.map(({ name }) => name).filter((name) => name.startsWith('past')))
  for (const node of nodes) {
    if (SIZE_READERS.has(node.opType)) continue
    const [data = '', indices = ''] = node.inputs
    const isEmbedding = node.opType.startsWith('Gather') && ids.has(indices) && !ids.has(data)
    const reads = (set: ReadonlySet<string>): boolean => [...node.inputs, ...node.captures].some((name) => set.has(name))
    const kind = isEmbedding || reads(activations) ? activations : reads(ids) ? ids : null
    if (kind !== null) for (const output of node.outputs) kind.add(output)
  }
  return activations
}
