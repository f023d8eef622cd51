import type { Graph } from './graph.ts'

/** A cache input and the output that is the same cache with the fed tokens behind it. */
export interface CachePair {
  readonly past: string
  readonly present: string
}

const PAST = /^past(_key_values|_values|_key)?(?=[._])/
const IS_LENGTH = /past|seq|length/i

/**
 * The keys and values that a scoring graph takes and that the model it was made from gives out, (B, heads, P, size) and (B, heads, P+S, size),
 * matched by name. Null for a graph without past, and for one whose caches have another form or no output.
 */
export function cachePairs(model: Graph, scoring: Pick<Graph, 'inputs'> = model): readonly CachePair[] | null {
  const outputs = new Set(model.outputs.map(({ name }) => name))
  const pairs: CachePair[] = []
  for (const { name, shape } of scoring.inputs) {
    if (!PAST.test(name)) continue
    const present = name.replace(PAST, 'present')
    const [batch, , length, size] = shape ?? []
    const hasForm = shape?.length === 4 && typeof batch !== 'number' && typeof length !== 'number' && !(typeof size === 'string' && IS_LENGTH.test(size))
    if (!hasForm || !outputs.has(present)) return null
    pairs.push({ past: name, present })
  }
  return pairs.length === 0 ? null : pairs
}
