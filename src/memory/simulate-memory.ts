import { FLOAT16, INT64 } from '../model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../model/onnx/graph.ts'
import { readSubgraphInitializers, readSubgraphNodes } from '../model/onnx/read.ts'
import { SCORING_INPUTS } from '../model/onnx/scoring-graph.ts'
import { subgraphOutputs } from '../model/onnx/subgraphs.ts'
import { inferOutputs, isView, mayWriteInPlace, scratchBytes } from './cpu-kernels.ts'
import { executionOrder, fusedProducts } from './execution-order.ts'
import { activationBytes, elementCount, type InferredTensor, initializerTensors, tensorInfo } from './shapes/tensor-info.ts'

const WITH_SUBGRAPHS = new Set(['If', 'Loop', 'Scan'])
const HALF_BYTES = 2

interface Buffer {
  readonly bytes: number
  /** Remaining reads of all tensors that use this buffer. */
  reads: number
}

/** The tensors that exist before the first node runs, by name. */
export interface InitialTensors {
  readonly inputs: ReadonlyMap<string, InferredTensor>
  readonly weights: ReadonlyMap<string, InferredTensor>
}

export interface SimulatedMemory {
  /** Most bytes of activations that are live at the same time. */
  readonly peakBytes: number
  /** Type and name of the node that runs at the peak. */
  readonly peakAt: string
  /** Bytes of the largest single buffer. */
  readonly largestBytes: number
  /** Bytes of tensors computed from weights alone, which onnxruntime computes once at load (constant folding). */
  readonly foldedBytes: number
  /** Bytes of the largest such tensor. */
  readonly largestFoldedBytes: number
  /** Operator types whose output shapes could not be inferred; their outputs count as 0 bytes. */
  readonly unknown: readonly string[]
}

/**
 * Runs a graph with shapes instead of values and adds up the live buffers. A buffer is allocated when its node runs and
 * freed after its last reader, as in onnxruntime's sequential executor.
 */
export function simulateMemory(graph: Pick<Graph, 'nodes' | 'outputs'>, initial: InitialTensors): SimulatedMemory {
  const simulation = new Simulation(initial, false)
  simulation.run(graph.nodes, new Set(graph.outputs.map(({ name }) => name)))
  return simulation.result
}

class Simulation {
  readonly #tensors: Map<string, InferredTensor>
  readonly #constants: Set<string>
  readonly #isSubgraph: boolean
  readonly #buffers = new Map<string, Buffer>()
  readonly #unknown = new Set<string>()
  #fusedTranspositions: ReadonlySet<OnnxNode> = new Set()
  #liveBytes = 0
  #largestBytes = 0
  #peak = { bytes: 0, at: '' }
  #folded = { bytes: 0, largest: 0 }

  constructor({ inputs, weights }: InitialTensors, isSubgraph: boolean) {
    this.#tensors = new Map([...weights, ...inputs])
    this.#constants = new Set(weights.keys())
    this.#isSubgraph = isSubgraph
  }

  get result(): SimulatedMemory {
    const { bytes, largest } = this.#folded
    return {
      peakBytes: this.#peak.bytes,
      peakAt: this.#peak.at,
      largestBytes: this.#largestBytes,
      foldedBytes: bytes,
      largestFoldedBytes: largest,
      unknown: [...this.#unknown]
    }
  }

  run(nodes: readonly OnnxNode[], kept: ReadonlySet<string>): void {
    const reads = new Map<string, number>()
    for (const name of [...nodes.flatMap((node) => [...node.inputs, ...node.captures]), ...kept]) reads.set(name, (reads.get(name) ?? 0) + 1)
    const { products, transpositions } = fusedProducts(nodes, reads)
    this.#fusedTranspositions = transpositions
    for (const node of executionOrder(nodes, (each) => products.has(each))) this.#runNode(node, reads)
  }

  #runNode(node: OnnxNode, reads: ReadonlyMap<string, number>): void {
    const outputs = this.#shapesOf(node)
    const operands = [...node.inputs, ...node.captures].filter((name) => name !== '')
    const isConstant = operands.every((name) => this.#constants.has(name)) && !WITH_SUBGRAPHS.has(node.opType)
    node.outputs.forEach((name, i) => {
      const output = outputs?.[i]
      if (name === '' || output === undefined) return
      this.#tensors.set(name, output)
      if (isConstant) this.#addFolded(node, name, output)
      else this.#assignBuffer(node, name, output, reads.get(name) ?? 0)
    })
    const scratch = isConstant ? [] : scratchBytes(node, this.#inputsOf(node))
    this.#largestBytes = Math.max(this.#largestBytes, ...scratch)
    const scratchSum = scratch.reduce((sum, bytes) => sum + bytes, 0)
    this.#updatePeak(this.#liveBytes + scratchSum + this.#castBytes(node), `${node.opType} ${node.name}`)
    if (WITH_SUBGRAPHS.has(node.opType)) this.#runSubgraphs(node, reads)
    for (const name of operands) this.#endRead(name)
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

  #addFolded(node: OnnxNode, name: string, output: InferredTensor): void {
    this.#constants.add(name)
    if (isView(node)) return
    const bytes = output.elementType === FLOAT16 ? HALF_BYTES * elementCount(output.dims) : activationBytes(output)
    this.#folded = { bytes: this.#folded.bytes + bytes, largest: Math.max(this.#folded.largest, bytes) }
  }

  /** An output uses the buffer of an input where the kernel can do that, otherwise a new one. */
  #assignBuffer(node: OnnxNode, name: string, output: InferredTensor, reads: number): void {
    const bytes = activationBytes(output)
    const buffers = node.inputs.map((input) => this.#buffers.get(input))
    const copiesNothing = isView(node) || this.#fusedTranspositions.has(node)
    const reusable = mayWriteInPlace(node) ? buffers.find((buffer) => buffer?.reads === 1 && buffer.bytes === bytes) : undefined
    const used = copiesNothing ? buffers[0] : reusable
    if (used !== undefined) {
      used.reads += reads
      this.#buffers.set(name, used)
    } else if (!copiesNothing) {
      this.#buffers.set(name, { bytes, reads })
      this.#liveBytes += bytes
      this.#largestBytes = Math.max(this.#largestBytes, bytes)
    }
  }

  /**
   * Bytes of the float32 copies of float16 weights that a node reads. In a subgraph the weight of the outer graph is
   * cast at each use; elsewhere it is cast once, at load.
   */
  #castBytes({ inputs }: OnnxNode): number {
    if (!this.#isSubgraph) return 0
    const halves = inputs.map((name) => this.#tensors.get(name)).filter((input, i) => input?.elementType === FLOAT16 && !this.#buffers.has(inputs[i] ?? ''))
    const bytes = halves.reduce((sum, half) => sum + (half === undefined ? 0 : activationBytes(half)), 0)
    this.#largestBytes = Math.max(this.#largestBytes, bytes)
    return bytes
  }

  #updatePeak(bytes: number, at: string): void {
    if (bytes > this.#peak.bytes) this.#peak = { bytes, at }
  }

  #endRead(name: string): void {
    const buffer = this.#buffers.get(name)
    if (buffer === undefined) return
    buffer.reads--
    this.#free(buffer)
  }

  #free(buffer: Buffer | undefined): void {
    if (buffer !== undefined && buffer.reads === 0) this.#liveBytes -= buffer.bytes
  }

  /** The buffers of a subgraph add to those that are live in the graph around it. */
  #runSubgraphs(node: OnnxNode, reads: ReadonlyMap<string, number>): void {
    const results = new Map<string, InferredTensor | undefined>()
    for (const attribute of node.attributes) {
      const nodes = readSubgraphNodes(attribute)
      if (nodes.length === 0) continue
      const inner = new Simulation(
        { inputs: new Map([...this.#tensors, ...chunkTensors(this.#tensors), ...initializerTensors(readSubgraphInitializers(attribute))]), weights: new Map() },
        true
      )
      inner.run(nodes, new Set())
      for (const operator of inner.#unknown) this.#unknown.add(operator)
      this.#largestBytes = Math.max(this.#largestBytes, inner.#largestBytes)
      this.#updatePeak(this.#liveBytes + inner.#peak.bytes, `${node.opType} / ${inner.#peak.at}`)
      // The outputs of an If have the shapes of a branch's outputs; both branches agree where an operator reads them.
      if (node.opType === 'If') subgraphOutputs(attribute).forEach((name, i) => results.set(node.outputs[i] ?? '', inner.#tensors.get(name)))
    }
    for (const [name, result] of results) {
      if (name === '' || result === undefined) continue
      this.#tensors.set(name, result)
      this.#assignBuffer(node, name, result, reads.get(name) ?? 0)
    }
  }
}

/** Inputs of the body of the scoring graph's Scan (src/model/onnx/scoring-graph.ts). */
function chunkTensors(outer: ReadonlyMap<string, InferredTensor>): Map<string, InferredTensor> {
  const chunk = tensorInfo(INT64, [outer.get(SCORING_INPUTS.rows)?.dims.at(-1) ?? 1])
  return new Map([
    ['chunk.rows', chunk],
    ['chunk.targets', chunk]
  ])
}
