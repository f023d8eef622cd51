/** An ONNX graph as far as logpr looks into it; field numbers and types from onnx.proto. Weights stay in their file. */

/** TensorProto.DataType */
export const FLOAT = 1
export const UINT8 = 2
export const INT8 = 3
export const INT32 = 6
export const INT64 = 7
export const BOOL = 9
export const FLOAT16 = 10
export const BFLOAT16 = 16
export const UINT4 = 21
export const INT4 = 22

export interface OnnxNode {
  readonly opType: string
  readonly domain: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Encoded AttributeProto messages, kept byte for byte. */
  readonly attributes: readonly Uint8Array[]
  /** Names that the node's subgraphs take from the scope around them (If, Loop, Scan). */
  readonly captures: readonly string[]
  /** The NodeProto as it was read, for nodes that nothing changed. */
  readonly encoded: Uint8Array | null
}

/** Where the bytes of a large weight lie in the model file. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

export interface Initializer {
  readonly name: string
  readonly dims: readonly number[]
  readonly dataType: number
  /** The file, beside the model file, that holds the bytes; null when they travel inside the graph. */
  readonly location: string | null
  /** An encoded TensorProto to be passed on as it is, or the range of the model file that a new one shall point to. */
  readonly value: Uint8Array | ByteRange
}

/** A declared input or output: element type and shape, where a dimension is a size, a symbol or unknown (null). A null shape: unknown rank. */
export interface TensorInfo {
  readonly name: string
  readonly elementType: number
  readonly shape: readonly (number | string | null)[] | null
}

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
  /** Whether the file holds a second decoder, with past, which was left out. */
  readonly isMerged?: boolean
}

/** The node that makes each tensor. */
export function producersOf(graph: Graph): ReadonlyMap<string, OnnxNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))
}
