import type { ByteRange } from './wire.ts'

/** An ONNX graph, as far as logpr reads it; weights stay in their file. */
export interface Graph {
  readonly irVersion: number
  /** Operator-set version by domain; '' is ONNX itself. */
  readonly opsets: ReadonlyMap<string, number>
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly Initializer[]
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  /** Encoded FunctionProto messages, kept byte for byte. */
  readonly functions: readonly Uint8Array[]
  /** Whether the file also holds a decoder with past, which was left out. */
  readonly isMerged?: boolean
}

export interface OnnxNode {
  readonly opType: string
  readonly domain: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Encoded AttributeProto messages, kept byte for byte. */
  readonly attributes: readonly Uint8Array[]
  /** Names that the node's subgraphs (of If, Loop, Scan) read from the scope around them. */
  readonly captures: readonly string[]
  /** The NodeProto as it was read; null for a node that is new or was changed. */
  readonly encoded: Uint8Array | null
}

export interface Initializer {
  readonly name: string
  readonly dims: readonly number[]
  /** A TensorProto.DataType. */
  readonly dataType: number
  /** The file that holds the elements, relative to the model file's folder; null when they are inside the graph. */
  readonly location: string | null
  /** An encoded TensorProto that is passed on unchanged, or the range of the model file that holds the elements. */
  readonly value: Uint8Array | ByteRange
}

/** A declared input or output. */
export interface TensorInfo {
  readonly name: string
  /** A TensorProto.DataType. */
  readonly elementType: number
  /** A dimension is a size, a symbol or unknown (null). A null shape has unknown rank. */
  readonly shape: readonly (number | string | null)[] | null
}

/** The node that computes each tensor. */
export function producersOf(graph: Graph): ReadonlyMap<string, OnnxNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))
}
