import { FLOAT16, type Graph, INT64, type OnnxNode } from '../model/onnx/graph.ts'
import { readSubgraphNodes } from '../model/onnx/read.ts'
import { SCORING_INPUTS } from '../model/onnx/scoring-graph.ts'
import { subgraphOutputs } from '../model/onnx/subgraphs.ts'
import { executionOrder } from './execution-order.ts'
import { fusedProducts } from './fused-products.ts'
import { attributesOf } from './shapes/attributes.ts'
import { SHAPE_RULES } from './shapes/shape-rules.ts'
import { activationBytes, elementCount, facts, type TensorFacts } from './shapes/tensor-facts.ts'

/** Operators whose output is another view of the first input, which no kernel copies. */
const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity'])
/** Operators that may write over an input that nobody reads again (MayInplace in onnxruntime's kernel definitions). */
const IN_PLACE = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'Abs',
  'Sqrt',
  'Tanh',
  'Sigmoid',
  'Relu',
  'Erf',
  'Cast',
  'Reciprocal',
  'Not',
  'Clip',
  'Trilu',
  'ScatterND'
])
/** Operators whose subgraphs are walked. */
const WITH_SUBGRAPHS = new Set(['If', 'Loop', 'Scan'])
const HALF_BYTES = 2

interface Buffer {
  readonly bytes: number
  /** Reads that are still to come, of all names that stand for it. */
  reads: number
}

/** What a walk begins with: what is known of all graph inputs and of all weights. */
export interface WalkStart {
  readonly inputs: ReadonlyMap<string, TensorFacts>
  readonly weights: ReadonlyMap<string, TensorFacts>
}

export interface WalkResult {
  /** The most bytes of activations that are alive at once. */
  readonly peakBytes: number
  /** The operator that runs then. */
  readonly peakAt: string
  /** The largest single buffer. */
  readonly largestBytes: number
  /** Bytes of what is made of weights alone, which onnxruntime computes once at load (constant folding), and of the largest such tensor. */
  readonly foldedBytes: number
  readonly largestFoldedBytes: number
  /** Operators whose shapes could not be told; their outputs count as nothing. */
  readonly unknown: readonly string[]
}

/**
 * Goes through the nodes in the order in which they run, with shapes in place of numbers, and adds up what is alive: a
 * buffer is made when its node runs and freed after its last reader, as onnxruntime's sequential executor does.
 */
export function walk(graph: Pick<Graph, 'nodes' | 'outputs'>, start: WalkStart): WalkResult {
  const walker = new Walker(start, false)
  walker.run(graph.nodes, new Set(graph.outputs.map(({ name }) => name)))
  return walker.result
}

class Walker {
  readonly #facts: Map<string, TensorFacts>
  readonly #constants: Set<string>
  readonly #isSubgraph: boolean
  readonly #buffers = new Map<string, Buffer>()
  readonly #unknown = new Set<string>()
  #fusedAway: ReadonlySet<OnnxNode> = new Set()
  #live = 0
  #largest = 0
  #peak = { bytes: 0, at: '' }
  #folded = { bytes: 0, largest: 0 }

  constructor({ inputs, weights }: WalkStart, isSubgraph: boolean) {
    this.#facts = new Map([...weights, ...inputs])
    this.#constants = new Set(weights.keys())
    this.#isSubgraph = isSubgraph
  }

  get result(): WalkResult {
    const { bytes, largest } = this.#folded
    return {
      peakBytes: this.#peak.bytes,
      peakAt: this.#peak.at,
      largestBytes: this.#largest,
      foldedBytes: bytes,
      largestFoldedBytes: largest,
      unknown: [...this.#unknown]
    }
  }

  run(nodes: readonly OnnxNode[], kept: ReadonlySet<string>): void {
    const reads = new Map<string, number>()
    for (const name of [...nodes.flatMap((node) => [...node.inputs, ...node.captures]), ...kept]) reads.set(name, (reads.get(name) ?? 0) + 1)
    const { products, transpositions } = fusedProducts(nodes, reads)
    this.#fusedAway = transpositions
    for (const node of executionOrder(nodes, (each) => products.has(each))) this.#step(node, reads)
  }

  #step(node: OnnxNode, reads: ReadonlyMap<string, number>): void {
    const outputs = this.#shapesOf(node)
    const operands = [...node.inputs, ...node.captures].filter((name) => name !== '')
    const isConstant = operands.every((name) => this.#constants.has(name)) && !WITH_SUBGRAPHS.has(node.opType)
    node.outputs.forEach((name, i) => {
      const output = outputs?.[i]
      if (name === '' || output === undefined) return
      this.#facts.set(name, output)
      if (isConstant) this.#fold(node, name, output)
      else this.#place(node, name, output, reads.get(name) ?? 0)
    })
    this.#note(this.#live + this.#castWeights(node), `${node.opType} ${node.name}`)
    if (WITH_SUBGRAPHS.has(node.opType)) this.#inside(node, reads)
    for (const name of operands) this.#read(name)
    for (const name of node.outputs) if ((reads.get(name) ?? 0) === 0) this.#free(this.#buffers.get(name))
  }

  #shapesOf(node: OnnxNode): readonly TensorFacts[] | null {
    if (WITH_SUBGRAPHS.has(node.opType)) return null
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.#facts.get(name)))
    const outputs = SHAPE_RULES.get(node.opType)?.({ inputs, outputCount: node.outputs.length, attributes: attributesOf(node) }) ?? null
    if (outputs === null) this.#unknown.add(node.opType)
    return outputs
  }

  #fold({ opType }: OnnxNode, name: string, output: TensorFacts): void {
    this.#constants.add(name)
    if (VIEWS.has(opType)) return
    const bytes = output.elementType === FLOAT16 ? HALF_BYTES * elementCount(output.dims) : activationBytes(output)
    this.#folded = { bytes: this.#folded.bytes + bytes, largest: Math.max(this.#folded.largest, bytes) }
  }

  /** Finds a buffer for an output: that of an input where the kernel can use it, a new one otherwise. */
  #place(node: OnnxNode, name: string, output: TensorFacts, reads: number): void {
    const bytes = activationBytes(output)
    const buffers = node.inputs.map((input) => this.#buffers.get(input))
    const isView = VIEWS.has(node.opType) || this.#fusedAway.has(node)
    const used = isView ? buffers[0] : IN_PLACE.has(node.opType) ? buffers.find((buffer) => buffer?.reads === 1 && buffer.bytes === bytes) : undefined
    if (used !== undefined) {
      used.reads += reads
      this.#buffers.set(name, used)
    } else if (!isView) {
      this.#buffers.set(name, { bytes, reads })
      this.#live += bytes
      this.#largest = Math.max(this.#largest, bytes)
    }
  }

  /** In a subgraph a float16 weight of the graph around it is cast to float32 each time it is used; elsewhere once, at load. */
  #castWeights({ inputs }: OnnxNode): number {
    if (!this.#isSubgraph) return 0
    const halves = inputs.map((name) => this.#facts.get(name)).filter((input, i) => input?.elementType === FLOAT16 && !this.#buffers.has(inputs[i] ?? ''))
    const bytes = halves.reduce((sum, half) => sum + (half === undefined ? 0 : activationBytes(half)), 0)
    this.#largest = Math.max(this.#largest, bytes)
    return bytes
  }

  #note(bytes: number, at: string): void {
    if (bytes > this.#peak.bytes) this.#peak = { bytes, at }
  }

  #read(name: string): void {
    const buffer = this.#buffers.get(name)
    if (buffer === undefined) return
    buffer.reads--
    this.#free(buffer)
  }

  #free(buffer: Buffer | undefined): void {
    if (buffer !== undefined && buffer.reads === 0) this.#live -= buffer.bytes
  }

  /** What a node's subgraphs need while it runs, on top of what is alive around it. */
  #inside(node: OnnxNode, reads: ReadonlyMap<string, number>): void {
    const results = new Map<string, TensorFacts | undefined>()
    for (const attribute of node.attributes) {
      const nodes = readSubgraphNodes(attribute)
      if (nodes.length === 0) continue
      const inner = new Walker({ inputs: new Map([...this.#facts, ...chunkFacts(this.#facts)]), weights: new Map() }, true)
      inner.run(nodes, new Set())
      for (const operator of inner.#unknown) this.#unknown.add(operator)
      this.#largest = Math.max(this.#largest, inner.#largest)
      this.#note(this.#live + inner.#peak.bytes, `${node.opType} / ${inner.#peak.at}`)
      // Those of an If are its branches', which agree in shape where an operator reads them.
      if (node.opType === 'If') subgraphOutputs(attribute).forEach((name, i) => results.set(node.outputs[i] ?? '', inner.#facts.get(name)))
    }
    for (const [name, result] of results) {
      if (name === '' || result === undefined) continue
      this.#facts.set(name, result)
      this.#place(node, name, result, reads.get(name) ?? 0)
    }
  }
}

/** What the body of the scoring graph's Scan is fed with, and its constants (src/model/onnx/scoring-graph.ts). */
function chunkFacts(around: ReadonlyMap<string, TensorFacts>): Map<string, TensorFacts> {
  const chunk = facts(INT64, [around.get(SCORING_INPUTS.rows)?.dims.at(-1) ?? 1])
  const placeholders = ['higher_count', 'entropy', 'prob_squares', 'top_log_probs', 'top_ids'].map(
    (name) => [`none.${name}.value`, facts(INT64, [1, 1])] as const
  )
  return new Map([
    ['chunk.rows', chunk],
    ['chunk.targets', chunk],
    ['chunk.axis', facts(INT64, [1], [1])],
    ['detail.axis', facts(INT64, [1], [-1])],
    ...placeholders
  ])
}
