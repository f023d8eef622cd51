import type { Graph } from './graph.ts'

const INTEGER_OPERATORS = new Set(['Cast', 'Identity', 'Unsqueeze', 'Squeeze', 'Reshape', 'Add', 'Sub', 'Expand', 'Slice', 'Gather', 'Flatten'])

/**
 * Whether the graph looks for the largest position, of `position_ids` or of `counted`, as rotary embeddings do that stretch beyond some length (dynamic NTK,
 * LongRoPE): the angles of every token then follow from the longest sequence in the row.
 */
export function rescalesPositions({ nodes }: Graph, counted: readonly string[] = []): boolean {
  const positions = new Set(['position_ids', ...counted])
  for (const node of nodes) {
    // The second input of a Gather says places in a table.
    const read = node.opType === 'Gather' ? node.inputs.slice(0, 1) : node.inputs
    if (!read.some((name) => positions.has(name))) continue
    if (node.opType === 'ReduceMax' || node.opType === 'ArgMax' || node.opType === 'TopK') return true
    if (INTEGER_OPERATORS.has(node.opType)) for (const output of node.outputs) positions.add(output)
  }
  return false
}
