import { attributeName, integerOf } from './attributes.ts'
import { buildInt64, buildNode } from './build-node.ts'
import { INT64 } from './data-types.ts'
import type { Graph, Initializer, OnnxNode, TensorInfo } from './graph.ts'
import { writeGraph } from './write.ts'

/**
 * Inputs of com.microsoft's GroupQueryAttention: query, key, value, past key, past value, number of tokens less one,
 * number of columns, tables of cosines and sines, positions, bias, sinks; then those of later versions.
 * Source: onnxruntime's ContribOperators.md.
 */
const [KEY, VALUE, COSINES, SINES, POSITIONS, BIAS, FIRST_UNKNOWN] = [1, 2, 7, 8, 9, 10, 12]
/** From this operator set on, Split takes its sizes as an input. */
const SIZES_ARE_INPUTS = 13

interface GivenBias {
  /** (1, 1, S, P+S) of `elementType`. */
  readonly bias: string
  readonly elementType: number
  /** A bool tensor: whether the bias is more than the single zero of a plain pass. */
  readonly isGiven: string
}

export function rotatesInside(node: OnnxNode): boolean {
  return node.opType === 'GroupQueryAttention' && integerOf(node, 'do_rotary', 0) === 1
}

/** How many tokens back a GroupQueryAttention sees; null for all. */
export function groupQueryWindow(node: OnnxNode): number | null {
  const window = integerOf(node, 'local_window_size', -1)
  return window > 0 ? window : null
}

/**
 * Why a GroupQueryAttention cannot take a bias and restarting positions, to be read after its name; null when it can.
 */
export function whyGroupQueryNot(graph: Graph, node: OnnxNode): string | null {
  if ((node.inputs[BIAS] ?? '') !== '') return 'already has a bias'
  if (node.inputs.slice(FIRST_UNKNOWN).some((name) => name !== '')) return 'has inputs unknown to logpr'
  if (!rotatesInside(node)) return null
  if ((node.inputs[POSITIONS] ?? '') !== '') return 'already takes positions'
  if (graph.inputs.some(({ name, elementType }) => name === 'position_ids' && elementType !== INT64)) return 'rotates by positions that are not int64'
  if ((graph.opsets.get('') ?? 0) < SIZES_ARE_INPUTS) return `is of operator set ${graph.opsets.get('')}; ${SIZES_ARE_INPUTS} is needed`
  if (tableOf(graph, node) === undefined) return 'takes tables of angles that are computed at run time'
  return null
}

/**
 * The node in two forms, chosen by whether a bias is given:
 *
 *     If(isGiven) [ rotate queries and keys by position_ids -> GroupQueryAttention with the bias ]
 *     else [ the original node ]
 *
 * Rotation moves before the node because the operator reads positions only with a past, and counts from 0 without one.
 * The operator holds no weights, so the second form is free, and a plain pass computes what it did before.
 */
export function groupQueryWithBias(graph: Graph, node: OnnxNode, given: GivenBias): { readonly node: OnnxNode; readonly constants: readonly Initializer[] } {
  const outputs = node.outputs.map((name, i) => name || `${node.outputs[0]}/logpr.unused_${i}`)
  const infos = (suffix: string): TensorInfo[] => outputs.map((name) => ({ name: `${name}/${suffix}`, elementType: given.elementType, shape: null }))
  const [plain, biased] = [infos('logpr.plain'), infos('logpr.with_bias')]
  const plainNode = { ...node, outputs: plain.map(({ name }) => name), encoded: null }
  const { nodes, constants } = biasedForm(graph, node, given, biased)
  const branch = (name: string, body: readonly OnnxNode[], results: readonly TensorInfo[]): Uint8Array =>
    writeGraph(name, { nodes: body, initializers: [], inputs: [], outputs: results })
  const outer = [...node.inputs, given.bias, ...constants.map(({ name }) => name), ...(rotatesInside(node) ? ['position_ids'] : [])]
  const chosen = buildNode('If', [given.isGiven], outputs, {
    attributes: {
      then_branch: branch('logpr.with_bias', nodes, biased),
      else_branch: branch('logpr.plain', [plainNode], plain)
    },
    captures: [...new Set(outer)].filter((name) => name !== '')
  })
  return { node: chosen, constants }
}

function biasedForm(
  graph: Graph,
  node: OnnxNode,
  { bias }: GivenBias,
  results: readonly TensorInfo[]
): { nodes: OnnxNode[]; constants: readonly Initializer[] } {
  const inputs = Array.from({ length: FIRST_UNKNOWN }, (_, i) => node.inputs[i] ?? '')
  inputs[BIAS] = bias
  const outputs = results.map(({ name }) => name)
  const table = rotatesInside(node) ? tableOf(graph, node) : undefined
  if (table === undefined) return { nodes: [{ ...node, inputs, outputs, encoded: null }], constants: [] }

  const inner = (part: string): string => `${outputs[0]}/${part}`
  const [heads, kvHeads] = [integerOf(node, 'num_heads', 1), integerOf(node, 'kv_num_heads', 1)]
  const split = inputs[KEY] === '' ? splitPacked(inputs[0] ?? '', heads, kvHeads, inner) : null
  const [query = '', key = '', value = ''] = split?.outputs ?? inputs
  const rotate = (from: string, count: number, to: string): OnnxNode => ({
    ...buildNode('RotaryEmbedding', [from, 'position_ids', inputs[COSINES] ?? '', inputs[SINES] ?? ''], [to], {
      attributes: { interleaved: integerOf(node, 'rotary_interleaved', 0), num_heads: count, rotary_embedding_dim: 2 * (table.dims[1] ?? 0) }
    }),
    domain: node.domain
  })
  const attention = {
    ...node,
    inputs: inputs.map((name, i) => (i === 0 ? inner('query') : i === KEY ? inner('key') : i === VALUE ? value : i === COSINES || i === SINES ? '' : name)),
    outputs,
    attributes: node.attributes.filter((encoded) => !/rotary/.test(attributeName(encoded))),
    encoded: null
  }
  return {
    nodes: [...(split?.nodes ?? []), rotate(query, heads, inner('query')), rotate(key, kvHeads, inner('key')), attention],
    constants: split?.constants ?? []
  }
}

/** Splits a tensor (B, S, (H + 2 K) x D) into queries, keys and values of (B, S, heads x D); D need not be known. */
function splitPacked(
  packed: string,
  heads: number,
  kvHeads: number,
  inner: (part: string) => string
): { nodes: OnnxNode[]; constants: Initializer[]; outputs: string[] } {
  const parts = ['query', 'key', 'value'].map((part) => inner(`split_${part}`))
  const outputs = parts.map((part) => `${part}_flat`)
  const named = (what: string): string => `logpr.${what}_${heads}_${kvHeads}`
  return {
    outputs,
    nodes: [
      buildNode('Reshape', [packed, named('by_head')], [inner('heads')]),
      buildNode('Split', [inner('heads'), named('head_counts')], parts, { attributes: { axis: 2 } }),
      ...parts.map((part, i) => buildNode('Reshape', [part, named('flat')], [outputs[i] ?? '']))
    ],
    // In Reshape, 0 keeps a dimension.
    constants: [
      buildInt64(named('by_head'), [4], [0, 0, heads + 2 * kvHeads, -1]),
      buildInt64(named('head_counts'), [3], [heads, kvHeads, kvHeads]),
      buildInt64(named('flat'), [3], [0, 0, -1])
    ]
  }
}

/** The table of cosines, (positions, rotated dimensions / 2); undefined when it is not a weight. */
function tableOf({ initializers }: Graph, node: OnnxNode): Initializer | undefined {
  return initializers.find(({ name, dims }) => name === node.inputs[COSINES] && dims.length === 2)
}
