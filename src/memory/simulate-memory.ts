import { FLOAT16, type Graph, INT64, type OnnxNode } from '../model/onnx/graph.ts'
import { readSubgraphNodes } from '../model/onnx/read.ts'
import { SCORING_INPUTS } from '../model/onnx/scoring-graph.ts'
import { subgraphOutputs } from '../model/onnx/subgraphs.ts'
import { inferOutputs, isView, mayWriteInPlace, scratchBytes } from './cpu-kernels.ts'
import { executionOrder, fusedProducts } from './execution-order.ts'
import { activationBytes, elementCount, type InferredTensor, tensorInfo } from './shapes/tensor-info.ts'

/** Operators whose subgraphs are simulated. */
const WITH_SUBGRAPHS = new Set(['If', 'Loop', 'Scan'])
const HALF_BYTES = 2

interface Buffer {
  readonly bytes: number
  /** Reads that are still to come, of all names that stand for it. */
  reads: number
}

/** What is known before the first node runs: the graph's inputs and its weights, by name. */
export interface KnownTensors {
  readonly inputs: ReadonlyMap<string, InferredTensor>
  readonly weights: ReadonlyMap<string, InferredTensor>
}

export interface SimulatedMemory {
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
 * Runs a graph with shapes in place of numbers and adds up the buffers that are alive. A buffer is made when its node runs
 * and freed after its last reader, as in onnxruntime's sequential executor.
 */
export function simulateMemory(graph: Pick<Graph, 'nodes' | 'outputs'>, start: KnownTensors): SimulatedMemory {
  const simulation = new Simulation(start, false)
  simulation.run(graph.nodes, new Set(graph.outputs.map(({ name }) => name)))
  return simulation.result
}

class Simulation {
  readonly #tensors: Map<string, InferredTensor>
  readonly #constants: Set<string>
  readonly #isSubgraph: boolean
  readonly #buffers = new Map<string, Buffer>()
  readonly #unknown = new Set<string>()
  #fusedAway: ReadonlySet<OnnxNode> = new Set()
  #live = 0
  #largest = 0
  #peak = { bytes: 0, at: '' }
  #folded = { bytes: 0, largest: 0 }

  constructor({ inputs, weights }: KnownTensors, isSubgraph: boolean) {
    this.#tensors = new Map([...weights, ...inputs])
    this.#constants = new Set(weights.keys())
    this.#isSubgraph = isSubgraph
  }

  get result(): SimulatedMemory {
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
      this.#tensors.set(name, output)
      if (isConstant) this.#fold(node, name, output)
      else this.#place(node, name, output, reads.get(name) ?? 0)
    })
    const scratch = isConstant ? [] : scratchBytes(node, this.#inputsOf(node))
    this.#largest = Math.max(this.#largest, ...scratch)
    const own = scratch.reduce((sum, bytes) => sum + bytes, 0)
    this.#note(this.#live + own + this.#castWeights(node), `${node.opType} ${node.name}`)
    if (WITH_SUBGRAPHS.has(node.opType)) this.#inside(node, reads)
    for (const name of operands) this.#read(name)
    for (const name of node.outputs) if ((reads.get(name) ?? 0) === 0) this.#free(this.#buffers.get(name))
  }

  #shapesOf(node: OnnxNode): readonly InferredTensor[] | null {
    if (WITH_SUBGRAPHS.has(node.opType)) return null
    const outputs = inferOutputs(node, this.#inputsOf(node))
    if (outputs === null) this.#unknown.add(node.opType)
    return outputs
  }

  #inputsOf({ inputs }: OnnxNode): (InferredTensor | undefined)[] {
    return inputs.map((name) => (name === '' ? undefined : this.#tensors.get(name)))
  }

  #fold(node: OnnxNode, name: string, output: InferredTensor): void {
    this.#constants.add(name)
    if (isView(node)) return
    const bytes = output.elementType === FLOAT16 ? HALF_BYTES * elementCount(output.dims) : activationBytes(output)
    this.#folded = { bytes: this.#folded.bytes + bytes, largest: Math.max(this.#folded.largest, bytes) }
  }

  /** Finds a buffer for an output: that of an input where the kernel can use it, a new one otherwise. */
  #place(node: OnnxNode, name: string, output: InferredTensor, reads: number): void {
    const bytes = activationBytes(output)
    const buffers = node.inputs.map((input) => this.#buffers.get(input))
    const copiesNothing = isView(node) || this.#fusedAway.has(node)
    const reusable = mayWriteInPlace(node) ? buffers.find((buffer) => buffer?.reads === 1 && buffer.bytes === bytes) : undefined
    const used = copiesNothing ? buffers[0] : reusable
    if (used !== undefined) {
      used.reads += reads
      this.#buffers.set(name, used)
    } else if (!copiesNothing) {
      this.#buffers.set(name, { bytes, reads })
      this.#live += bytes
      this.#largest = Math.max(this.#largest, bytes)
    }
  }

  /** In a subgraph a float16 weight of the graph around it is cast to float32 each time it is used; elsewhere once, at load. */
  #castWeights({ inputs }: OnnxNode): number {
    if (!this.#isSubgraph) return 0
    const halves = inputs.map((name) => this.#tensors.get(name)).filter((input, i) => input?.elementType === FLOAT16 && !this.#buffers.has(inputs[i] ?? ''))
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
    const results = new Map<string, InferredTensor | undefined>()
    for (const attribute of node.attributes) {
      const nodes = readSubgraphNodes(attribute)
      if (nodes.length === 0) continue
      const inner = new Simulation({ inputs: new Map([...this.#tensors, ...chunkTensors(this.#tensors)]), weights: new Map() }, true)
      inner.run(nodes, new Set())
      for (const operator of inner.#unknown) this.#unknown.add(operator)
      this.#largest = Math.max(this.#largest, inner.#largest)
      this.#note(this.#live + inner.#peak.bytes, `${node.opType} / ${inner.#peak.at}`)
      // Those of an If are its branches', which agree in shape where an operator reads them.
      if (node.opType === 'If') subgraphOutputs(attribute).forEach((name, i) => results.set(node.outputs[i] ?? '', inner.#tensors.get(name)))
    }
    for (const [name, result] of results) {
      if (name === '' || result === undefined) continue
      this.#tensors.set(name, result)
      this.#place(node, name, result, reads.get(name) ?? 0)
    }
  }
}

/** What the body of the scoring graph's Scan is fed with, and its constants (src/model/onnx/scoring-graph.ts). */
function chunkTensors(around: ReadonlyMap<string, InferredTensor>): Map<string, InferredTensor> {
  const chunk = tensorInfo(INT64, [around.get(SCORING_INPUTS.rows)?.dims.at(-1) ?? 1])
  const placeholders = ['higher_count', 'entropy', 'prob_squares', 'top_log_probs', 'top_ids'].map(
    (name) => [`none.${name}.value`, tensorInfo(INT64, [1, 1])] as const
  )
  return new Map([
    ['chunk.rows', chunk],
    ['chunk.targets', chunk],
    ['chunk.axis', tensorInfo(INT64, [1], [1])],
    ['detail.axis', tensorInfo(INT64, [1], [-1])],
    ...placeholders
  ])
}
