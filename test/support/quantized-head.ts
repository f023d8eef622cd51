import { buildFloat, buildNode, buildTensor } from '../../src/model/onnx/build-node.ts'
import { FLOAT, INT64 } from '../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../src/model/onnx/graph.ts'
import { graphOf, info } from './onnx-model.ts'

/** TensorProto.DataType */
export const UINT8 = 2
export const INT8 = 3

/** A model without attention and with an 8-bit integer head: embedding (T, H), weights (H, V), row-major. */
export interface QuantizedHead {
  readonly H: number
  readonly V: number
  readonly embedding: Float32Array
  readonly weights: Int8Array | Uint8Array
  /** One scale for the tensor, or one per column. */
  readonly scales: readonly number[]
  readonly zeroPoints: readonly number[]
  readonly bias: readonly number[] | null
}

/** The head as onnxruntime.quantization writes it, or as one of the two operators into which onnxruntime fuses it. */
export type HeadForm = 'MatMulInteger' | 'MatMulIntegerToFloat' | 'DynamicQuantizeMatMul'

/** hidden = embedding[input_ids], (B, S, H); logits = dequantized(quantized(hidden) x weights) + bias. */
export function quantizedHeadModel(head: QuantizedHead, form: HeadForm): Graph {
  const { H, V, embedding, weights, scales, zeroPoints, bias } = head
  const perTensor = scales.length === 1
  const dataType = weights instanceof Int8Array ? INT8 : UINT8
  return graphOf({
    opsets: new Map([
      ['', 17],
      ['com.microsoft', 1]
    ]),
    nodes: [buildNode('Gather', ['embedding', 'input_ids'], ['hidden'], { attributes: { axis: 0 } }), ...headNodes(form, bias !== null)],
    initializers: [
      buildFloat('embedding', [embedding.length / H, H], [...embedding]),
      buildTensor('w', [H, V], dataType, bytesOf(weights)),
      buildFloat('w_scale', perTensor ? [] : [V], scales),
      buildTensor('w_zero_point', perTensor ? [] : [V], dataType, Uint8Array.from(zeroPoints)),
      ...(bias === null ? [] : [buildFloat('bias', [V], bias)])
    ],
    inputs: [info('input_ids', INT64, ['batch', 'sequence'])],
    outputs: [info('logits', FLOAT, ['batch', 'sequence', V])]
  })
}

function headNodes(form: HeadForm, hasBias: boolean): OnnxNode[] {
  const bias = hasBias ? 'bias' : ''
  const quantize = buildNode('DynamicQuantizeLinear', ['hidden'], ['q', 'scale', 'zero_point'])
  switch (form) {
    case 'DynamicQuantizeMatMul':
      return [microsoft(buildNode('DynamicQuantizeMatMul', ['hidden', 'w', 'w_scale', 'w_zero_point', bias], ['logits']))]
    case 'MatMulIntegerToFloat':
      return [quantize, microsoft(buildNode('MatMulIntegerToFloat', ['q', 'w', 'scale', 'w_scale', 'zero_point', 'w_zero_point', bias], ['logits']))]
    case 'MatMulInteger':
      return [
        quantize,
        buildNode('Mul', ['scale', 'w_scale'], ['scales']),
        buildNode('MatMulInteger', ['q', 'w', 'zero_point', 'w_zero_point'], ['sum']),
        buildNode('Cast', ['sum'], ['float_sum'], { attributes: { to: FLOAT } }),
        buildNode('Mul', ['float_sum', 'scales'], [hasBias ? 'product' : 'logits']),
        ...(hasBias ? [buildNode('Add', ['product', 'bias'], ['logits'])] : [])
      ]
  }
}

/**
 * The logits of every token of a batch, (B·S, V). Integer arithmetic is exact, the rest is float64. Source: the ONNX
 * operator page of DynamicQuantizeLinear.
 */
export function quantizedHeadLogits({ H, V, embedding, weights, scales, zeroPoints, bias }: QuantizedHead, ids: readonly number[]): number[][] {
  const hidden = ids.map((id) => embedding.subarray(id * H, (id + 1) * H))
  const values = hidden.flatMap((row) => [...row])
  const low = Math.min(0, ...values)
  const scale = Math.fround((Math.max(0, ...values) - low) / 255)
  const zeroPoint = Math.min(255, Math.max(0, roundHalfEven(-low / scale)))

  return hidden.map((row) => {
    const q = Array.from(row, (value) => Math.min(255, Math.max(0, roundHalfEven(Math.fround(value / scale)) + zeroPoint)))
    return Array.from({ length: V }, (_, v) => {
      const of = (values: readonly number[]): number => values[values.length === 1 ? 0 : v]!
      const sum = q.reduce((total, byte, h) => total + (byte - zeroPoint) * (weights[h * V + v]! - of(zeroPoints)), 0)
      return sum * scale * of(scales) + (bias?.[v] ?? 0)
    })
  })
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

function microsoft(node: OnnxNode): OnnxNode {
  return { ...node, domain: 'com.microsoft' }
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
