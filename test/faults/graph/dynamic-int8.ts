import { closeSync, openSync, readSync, realpathSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import { buildFloat, buildNode, buildTensor } from '../../../src/model/onnx/build-node.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import type { Graph, Initializer, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { INT8, UINT8 } from '../../support/quantized-head.ts'
import { type MatrixQuantization, quantizeMatrix, type WeightType } from './quantize-matrix.ts'
import { type WriteOptions, writeMutatedModel } from './write-mutated-model.ts'

export interface Int8Options extends WriteOptions {
  readonly weights?: WeightType
  /** One scale per column of each matrix instead of one for the whole matrix. */
  readonly perChannel?: boolean
  /**
   * Whether the LM head is quantized too. A head tied to the embedding becomes a transposed copy beside the float32
   * one.
   */
  readonly head?: boolean
}

/** The 8-bit matrices of the new model, in sequence. */
const QUANTIZED_FILE = 'quantized.bin'

/**
 * Writes a dynamic-int8 version of a float32 model folder in the form of `onnxruntime.quantization.quantize_dynamic`
 * and of the q8 files of transformers.js: every product with a constant matrix becomes
 *
 *     q, scale, zero = DynamicQuantizeLinear(a);   y = Cast(MatMulInteger(q, w8, zero, w_zero)) · (scale · w_scale)
 *
 * The weights must be in the model file itself, as they are in the embedded model.
 */
export function writeDynamicInt8Model(sourceFolder: string, targetFolder: string, options: Int8Options = {}): void {
  const { weights = 'int8', perChannel = false, head = true } = options
  const modelFile = openSync(realpathSync(openModelFolder(sourceFolder).onnxPath), 'r')
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  const store = (bytes: Uint8Array): { offset: number; length: number } => {
    chunks.push(bytes)
    sizeBytes += bytes.length
    return { offset: sizeBytes - bytes.length, length: bytes.length }
  }

  try {
    writeMutatedModel(
      sourceFolder,
      targetFolder,
      (graph) =>
        quantizedGraph(
          graph,
          head,
          (matrix, transposed) => {
            const [rows = 0, columns = 0] = matrix.dims
            return quantizeMatrix({ values: readFloats(modelFile, matrix), rows, columns, transposed }, weights, perChannel)
          },
          store
        ),
      { file: 'model_quantized.onnx', ...options }
    )
  } finally {
    closeSync(modelFile)
  }
  const quantizedFile = openSync(join(targetFolder, QUANTIZED_FILE), 'w')
  for (const chunk of chunks) writeSync(quantizedFile, chunk)
  closeSync(quantizedFile)
}

type Quantize = (matrix: Initializer, transposed: boolean) => MatrixQuantization
type Store = (bytes: Uint8Array) => { offset: number; length: number }

function quantizedGraph(graph: Graph, head: boolean, quantize: Quantize, store: Store): Graph {
  const matrices = new Map(
    graph.initializers
      .filter(({ dims, dataType, value }) => dims.length === 2 && dataType === FLOAT && !(value instanceof Uint8Array))
      .map((entry) => [entry.name, entry])
  )
  const transposes = new Map(graph.nodes.filter(({ opType }) => opType === 'Transpose').map(({ inputs, outputs }) => [outputs[0], inputs[0] ?? '']))
  const quantizedInputs = new Set<string>()
  const initializers: Initializer[] = []

  const nodes = graph.nodes.flatMap((node): OnnxNode[] => {
    const [a = '', b = ''] = node.inputs
    const matrix = matrices.get(b) ?? matrices.get(transposes.get(b) ?? '')
    const isHead = node.outputs[0] === 'logits'
    if (node.opType !== 'MatMul' || matrix === undefined || (isHead && !head)) return [node]

    const { bytes, scales, zeroPoints, signed, rows, columns } = quantize(matrix, !matrices.has(b))
    const dataType = signed ? INT8 : UINT8
    const dims = scales.length === 1 ? [] : [columns]
    initializers.push(
      { name: `${b}_quantized`, dims: [rows, columns], dataType, location: QUANTIZED_FILE, value: store(bytes) },
      buildFloat(`${b}_scale`, dims, scales),
      buildTensor(`${b}_zero_point`, dims, dataType, Uint8Array.from(zeroPoints))
    )
    // Products that read the same tensor share its quantization.
    const shared = quantizedInputs.has(a)
    quantizedInputs.add(a)
    return [
      ...(shared ? [] : [buildNode('DynamicQuantizeLinear', [a], [`${a}_quantized`, `${a}_scale`, `${a}_zero_point`])]),
      ...integerProduct(a, b, node.outputs[0] ?? '')
    ]
  })
  const used = new Set(nodes.flatMap(({ inputs, captures }) => [...inputs, ...captures]))
  return { ...graph, nodes, initializers: [...graph.initializers.filter(({ name }) => used.has(name)), ...initializers] }
}

function integerProduct(a: string, b: string, output: string): OnnxNode[] {
  return [
    buildNode('Mul', [`${a}_scale`, `${b}_scale`], [`${output}_scales`]),
    buildNode('MatMulInteger', [`${a}_quantized`, `${b}_quantized`, `${a}_zero_point`, `${b}_zero_point`], [`${output}_sum`]),
    buildNode('Cast', [`${output}_sum`], [`${output}_float_sum`], { attributes: { to: FLOAT } }),
    buildNode('Mul', [`${output}_float_sum`, `${output}_scales`], [output])
  ]
}

function readFloats(modelFile: number, { name, value }: Initializer): Float32Array {
  if (value instanceof Uint8Array) throw new Error(`${name} is not stored in the model file`)
  const bytes = new Uint8Array(value.length)
  readSync(modelFile, bytes, 0, value.length, value.offset)
  return new Float32Array(bytes.buffer)
}
