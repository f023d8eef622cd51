import { basename } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { withFileSource } from './file-source.ts'
import type { Graph, Initializer, OnnxNode, TensorInfo } from './graph.ts'
import { type Branch, hoistBranch } from './subgraphs.ts'
import { readTensor } from './tensor.ts'
import { type ByteSource, bytesOf, childrenOf, type Extent, type Field, fieldsOf, sourceOfBytes, textOf, WireError, wholeOf } from './wire.ts'

/** Largest tensor kept inside the graph: shape inference needs shapes and scalars. Larger ones stay in their file. */
const INLINE_BYTES = 256

/**
 * Reads the graph of an ONNX file; weights are located, not read. Messages and locations call the file `name`.
 * Throws `model_invalid` when it is not a whole ONNX file, `model_unsupported` for a training graph and sparse weights.
 */
export function readOnnx(path: string, name = basename(path)): Graph {
  try {
    return withFileSource(path, (source) => readModel(source, name))
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new ServiceError('model_invalid', `${name} is not a readable ONNX file: ${error.message}; download it again`, { cause: error })
  }
}

function readModel(source: ByteSource, fileName: string): Graph {
  const opsets = new Map<string, number>()
  const functions: Uint8Array[] = []
  let irVersion = 0
  let graph: Field | undefined

  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 1) irVersion = Number(field.varint)
    else if (field.number === 8) opsets.set(...readOpset(source, field))
    else if (field.number === 25) functions.push(wholeFunction(copyOf(source, field)))
    else if (field.number === 7) graph = field
    else if (field.number === 20) throw new ServiceError('model_unsupported', 'the file holds a training graph: export the model for inference')
  }
  if (graph === undefined) throw new WireError('it holds no graph')
  const { merged, ...parts } = readGraph(source, graph, fileName)
  if (parts.nodes.length === 0 && merged === null) throw new WireError('it holds no graph')
  const model = { irVersion, opsets, functions, ...parts }
  return merged === null ? model : { ...hoistBranch(model, merged.results, merged.branch), isMerged: true }
}

type GraphParts = Pick<Graph, 'nodes' | 'initializers' | 'inputs' | 'outputs'>

/** An If whose branches are a decoder with past and one without. */
interface MergedDecoder {
  /** Outputs of the If. */
  readonly results: readonly string[]
  /** The decoder without past. */
  readonly branch: Branch
}

function readGraph(source: ByteSource, graph: Extent, fileName: string): GraphParts & { readonly merged: MergedDecoder | null } {
  const nodes: OnnxNode[] = []
  const initializers: Initializer[] = []
  const inputs: TensorInfo[] = []
  const outputs: TensorInfo[] = []
  let merged: MergedDecoder | null = null
  for (const part of fieldsOf(source, graph.start, graph.end)) {
    if (part.number === 1) {
      const decoder = readMergedDecoder(source, part, fileName)
      if (decoder === null) nodes.push(readNode(copyOf(source, part)))
      else merged = decoder
    } else if (part.number === 5) initializers.push(readInitializer(source, part, fileName))
    else if (part.number === 11) inputs.push(readTensorInfo(source, part))
    else if (part.number === 12) outputs.push(readTensorInfo(source, part))
    else if (part.number === 15)
      throw new ServiceError('model_unsupported', 'the graph has sparse weights, which logpr cannot read: export the model with dense weights')
  }
  // Before IR version 4, initializers were also listed as inputs.
  const weights = new Set(initializers.map(({ name }) => name))
  return { nodes, initializers, inputs: inputs.filter(({ name }) => !weights.has(name)), outputs, merged }
}

/**
 * The node If(use_cache_branch) of a merged decoder; null for every other node. Its branch is read from the file, so
 * that weights inside it are located and not copied.
 */
function readMergedDecoder(source: ByteSource, node: Field, fileName: string): MergedDecoder | null {
  const fields = [...fieldsOf(source, node.start, node.end)]
  const texts = (number: number): string[] => fields.filter((field) => field.number === number).map((field) => textOf(source, field))
  if (texts(4)[0] !== 'If' || texts(1)[0] !== 'use_cache_branch') return null
  for (const attribute of fields.filter(({ number }) => number === 5)) {
    const [name] = childrenOf(source, attribute, 1)
    const [graph] = childrenOf(source, attribute, 6)
    if (graph === undefined || name === undefined || textOf(source, name) !== 'else_branch') continue
    const { merged: _, inputs: __, ...branch } = readGraph(source, graph, fileName)
    return { results: texts(2), branch }
  }
  throw new WireError('its If(use_cache_branch) has no else_branch')
}

function readOpset(source: ByteSource, field: Field): [string, number] {
  let domain = ''
  let version = 0
  for (const part of fieldsOf(source, field.start, field.end)) {
    if (part.number === 1) domain = textOf(source, part)
    else if (part.number === 2) version = Number(part.varint)
  }
  return [domain === 'ai.onnx' ? '' : domain, version]
}

function readNode(encoded: Uint8Array): OnnxNode {
  const source = sourceOfBytes(encoded)
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: Uint8Array[] = []
  const captures: string[] = []
  let name = ''
  let opType = ''
  let domain = ''

  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 1) inputs.push(textOf(source, field))
    else if (field.number === 2) outputs.push(textOf(source, field))
    else if (field.number === 3) name = textOf(source, field)
    else if (field.number === 4) opType = textOf(source, field)
    else if (field.number === 7) domain = textOf(source, field)
    else if (field.number === 5) {
      attributes.push(bytesOf(source, field))
      captures.push(...capturesOfAttribute(source, field))
    }
  }
  return { opType, domain, name, inputs, outputs, attributes, captures, encoded }
}

/**
 * The nodes of the graphs in an encoded attribute, one level deep: nested graphs are in the attributes of those nodes.
 */
export function readSubgraphNodes(attribute: Uint8Array): OnnxNode[] {
  const source = sourceOfBytes(attribute)
  return [...subgraphsOf(source, wholeOf(source))].flatMap((graph) => [...childrenOf(source, graph, 1)].map((node) => readNode(bytesOf(source, node))))
}

/** The initializers of the graphs in an encoded attribute, one level deep. */
export function readSubgraphInitializers(attribute: Uint8Array): Initializer[] {
  const source = sourceOfBytes(attribute)
  return [...subgraphsOf(source, wholeOf(source))].flatMap((graph) => [...childrenOf(source, graph, 5)].map((field) => readInitializer(source, field, '')))
}

/** FunctionProto { name 1, node 7, domain 10 }: an operator that the model defines itself. */
export function readFunction(encoded: Uint8Array): { readonly domain: string; readonly name: string; readonly nodes: readonly OnnxNode[] } {
  const source = sourceOfBytes(encoded)
  const nodes: OnnxNode[] = []
  let domain = ''
  let name = ''
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 1) name = textOf(source, field)
    else if (field.number === 7) nodes.push(readNode(bytesOf(source, field)))
    else if (field.number === 10) domain = textOf(source, field)
  }
  return { domain, name, nodes }
}

/** Returns the bytes unchanged; throws WireError when they are not a function. */
function wholeFunction(encoded: Uint8Array): Uint8Array {
  readFunction(encoded)
  return encoded
}

/** Graphs in an attribute: g 6, graphs 11. */
function* subgraphsOf(source: ByteSource, attribute: Extent): Generator<Field> {
  for (const field of fieldsOf(source, attribute.start, attribute.end)) if (field.number === 6 || field.number === 11) yield field
}

/** Names that the graphs in an attribute read without defining them. */
function capturesOfAttribute(source: ByteSource, attribute: Field): string[] {
  const captures: string[] = []
  for (const field of subgraphsOf(source, attribute)) {
    const used = new Set<string>()
    const defined = new Set<string>()
    for (const part of fieldsOf(source, field.start, field.end)) {
      if (part.number === 1) {
        const node = readNode(bytesOf(source, part))
        for (const input of [...node.inputs, ...node.captures]) used.add(input)
        for (const output of node.outputs) defined.add(output)
      } else if (part.number === 5) defined.add(readTensor(source, part).name)
      else if (part.number === 11) defined.add(readTensorInfo(source, part).name)
      // A branch may return a value of the outer graph unchanged.
      else if (part.number === 12) used.add(readTensorInfo(source, part).name)
    }
    captures.push(...[...used].filter((name) => name !== '' && !defined.has(name)))
  }
  return captures
}

function readInitializer(source: ByteSource, field: Field, fileName: string): Initializer {
  const { name, dims, dataType, storage } = readTensor(source, field)
  const header = { name, dims: dims.map(Number), dataType }
  if (storage.kind === 'raw' && storage.length > INLINE_BYTES)
    return { ...header, location: fileName, value: { offset: storage.offset, length: storage.length } }
  return { ...header, location: storage.kind === 'external' ? (storage.location ?? null) : null, value: copyOf(source, field) }
}

/**
 * ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 | dim_param 2 } } } } }
 */
function readTensorInfo(source: ByteSource, field: Field): TensorInfo {
  let shape: (number | string | null)[] | null = null
  let name = ''
  let elementType = 0

  for (const part of fieldsOf(source, field.start, field.end)) {
    if (part.number === 1) name = textOf(source, part)
    if (part.number !== 2) continue
    for (const tensor of childrenOf(source, part, 1)) {
      for (const entry of fieldsOf(source, tensor.start, tensor.end)) {
        if (entry.number === 1) elementType = Number(entry.varint)
        if (entry.number === 2) shape = [...childrenOf(source, entry, 1)].map((dim) => readDimension(source, dim))
      }
    }
  }
  return { name, elementType, shape }
}

function readDimension(source: ByteSource, field: Field): number | string | null {
  for (const part of fieldsOf(source, field.start, field.end)) {
    // Some exporters write -1 for an unknown size.
    if (part.number === 1) return part.varint < 1n << 63n ? Number(part.varint) : null
    if (part.number === 2) return textOf(source, part)
  }
  return null
}

/** The file source reuses its window, so bytes that are kept must be copied. */
function copyOf(source: ByteSource, field: Field): Uint8Array {
  return Uint8Array.from(bytesOf(source, field))
}
