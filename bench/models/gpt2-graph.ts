import { buildFloat, buildInt64, buildNode, buildTensor } from '../../src/model/onnx/build-node.ts'
import { BOOL, FLOAT, FLOAT16, INT64 } from '../../src/model/onnx/data-types.ts'
import type { Graph, Initializer, OnnxNode, TensorInfo } from '../../src/model/onnx/graph.ts'
import { halfFloats } from './half.ts'

/** The shape of a GPT-2: L layers, H hidden units, A heads, V tokens, P positions; H is a multiple of A. */
export interface Gpt2Shape {
  readonly layers: number
  readonly hidden: number
  readonly heads: number
  readonly vocab: number
  readonly positions: number
}

/** The smallest published GPT-2, 124 million parameters. */
export const GPT2_124M: Gpt2Shape = { layers: 12, hidden: 768, heads: 12, vocab: 50_257, positions: 1024 }

/**
 * How weights are stored: as float32, beside the graph or (`inline`) in the model file; as float16, with float16
 * activations too; or as 4 bits in blocks of 32, except for embeddings and normalizations.
 */
export const GPT2_FORMATS = ['fp32', 'inline', 'fp16', 'q4'] as const
export type Gpt2Format = (typeof GPT2_FORMATS)[number]
/** Weights of one row that share a scale, in the format q4. */
export const Q4_BLOCK = 32

/** A weight with its name in transformers' state dict. Matrices are (in, out) as in its Conv1D. */
export interface Gpt2Weight {
  readonly name: string
  readonly dims: readonly number[]
  /** Mean of the random values: 1 for the scale of a normalization, else 0. */
  readonly mean: number
}

/** All weights in file order, without the head, which is the transposed embedding. */
export function gpt2Weights({ layers, hidden: H, vocab, positions }: Gpt2Shape): Gpt2Weight[] {
  const weight = (name: string, ...dims: number[]): Gpt2Weight => ({ name: `transformer.${name}`, dims, mean: 0 })
  const norm = (name: string): Gpt2Weight[] => [{ ...weight(`${name}.weight`, H), mean: 1 }, weight(`${name}.bias`, H)]
  const linear = (name: string, from: number, to: number): Gpt2Weight[] => [weight(`${name}.weight`, from, to), weight(`${name}.bias`, to)]
  const layer = (h: string): Gpt2Weight[] => [
    ...norm(`${h}.ln_1`),
    ...linear(`${h}.attn.c_attn`, H, 3 * H),
    ...linear(`${h}.attn.c_proj`, H, H),
    ...norm(`${h}.ln_2`),
    ...linear(`${h}.mlp.c_fc`, H, 4 * H),
    ...linear(`${h}.mlp.c_proj`, 4 * H, H)
  ]
  const all = Array.from({ length: layers }, (_, i) => layer(`h.${i}`)).flat()
  return [weight('wte.weight', vocab, H), weight('wpe.weight', positions, H), ...all, ...norm('ln_f')]
}

/**
 * GPT-2 as exporters write it, with inputs and outputs of the Hugging Face layout. B texts, S new tokens, T = past + S:
 *
 *     input_ids, position_ids (B, S); attention_mask (B, T); past_key_values.i.key and .value (B, A, past, H/A)
 *     -> logits (B, S, V); present.i.key and .value (B, A, T, H/A)
 *
 * `weights` are the initializers of gpt2Weights, wherever their bytes are stored.
 */
export function gpt2Graph(shape: Gpt2Shape, weights: readonly Initializer[], format: Gpt2Format = 'fp32'): Graph {
  const builder = new Builder(shape, format)
  const floatType = format === 'fp16' ? FLOAT16 : FLOAT
  const wte = 'transformer.wte.weight'
  const tokens = builder.op('Gather', [wte, 'input_ids'], 'token_embedding')
  const positions = builder.op('Gather', ['transformer.wpe.weight', 'position_ids'], 'position_embedding')
  let hidden = builder.op('Add', [tokens, positions], 'embedding') // (B, S, H)
  const bias = builder.attentionBias()
  for (let i = 0; i < shape.layers; i++) {
    hidden = builder.op('Add', [hidden, builder.attention(i, builder.norm(`h.${i}.ln_1`, hidden), bias)], `h.${i}.after_attention`)
    hidden = builder.op('Add', [hidden, builder.mlp(i, builder.norm(`h.${i}.ln_2`, hidden))], `h.${i}.after_mlp`)
  }
  builder.head(builder.norm('ln_f', hidden), wte)

  return {
    irVersion: 8,
    opsets: new Map([
      ['', 17],
      ['com.microsoft', 1]
    ]),
    functions: [],
    nodes: builder.nodes,
    initializers: [...weights, ...builder.constants],
    inputs: [
      { name: 'input_ids', elementType: INT64, shape: ['batch_size', 'sequence_length'] },
      { name: 'attention_mask', elementType: INT64, shape: ['batch_size', 'total_length'] },
      { name: 'position_ids', elementType: INT64, shape: ['batch_size', 'sequence_length'] },
      ...caches('past_key_values', shape, floatType, 'past_length')
    ],
    outputs: [
      { name: 'logits', elementType: FLOAT, shape: ['batch_size', 'sequence_length', shape.vocab] },
      ...caches('present', shape, floatType, 'total_length')
    ]
  }
}

function caches(prefix: string, { layers, hidden, heads }: Gpt2Shape, elementType: number, length: string): TensorInfo[] {
  const shape = ['batch_size', heads, length, hidden / heads]
  return Array.from({ length: 2 * layers }, (_, i) => ({ name: `${prefix}.${i >> 1}.${i % 2 ? 'value' : 'key'}`, elementType, shape }))
}

/** Collects nodes and constants. Every method returns the name of the tensor that it adds. */
class Builder {
  readonly nodes: OnnxNode[] = []
  readonly constants: Initializer[] = []
  readonly #shape: Gpt2Shape
  readonly #format: Gpt2Format

  constructor(shape: Gpt2Shape, format: Gpt2Format) {
    this.#shape = shape
    this.#format = format
  }

  op(opType: string, inputs: readonly string[], output: string, attributes: Readonly<Record<string, number | readonly number[]>> = {}): string {
    this.nodes.push(buildNode(opType, inputs, [output], { attributes }))
    return output
  }

  norm(name: string, input: string): string {
    // epsilon is the operator's default, 1e-5, which is GPT-2's.
    return this.op('LayerNormalization', [input, `transformer.${name}.weight`, `transformer.${name}.bias`], `${name}.output`, { axis: -1 })
  }

  /** Added to attention scores, (B, 1, S, T): 0 where a query attends to a key, else the lowest float. */
  attentionBias(): string {
    const past = this.op('Shape', ['past_key_values.0.key'], 'mask.past', { start: 2, end: 3 })
    const fresh = this.op('Shape', ['input_ids'], 'mask.fresh', { start: 1, end: 2 })
    const total = this.op('Squeeze', [this.op('Add', [past, fresh], 'mask.total_1d')], 'mask.total')
    const start = this.op('Squeeze', [past], 'mask.start')
    const keys = this.op('Range', [this.#integers('zero', [], [0]), total, this.#integers('one', [], [1])], 'mask.keys') // (T,)
    const queryRange = this.op('Range', [start, total, 'const.one'], 'mask.query_range')
    const queries = this.op('Unsqueeze', [queryRange, this.#integers('axis_1', [1], [1])], 'mask.queries') // (S, 1)
    const causal = this.op('LessOrEqual', [keys, queries], 'mask.causal') // (S, T)
    const kept = this.op('Cast', ['attention_mask'], 'mask.kept', { to: BOOL })
    const keptKeys = this.op('Unsqueeze', [kept, this.#integers('axes_1_2', [2], [1, 2])], 'mask.kept_keys') // (B, 1, 1, T)
    const visible = this.op('And', [causal, keptKeys], 'mask.visible')
    return this.op('Where', [visible, this.#float('seen', 0), this.#float('hidden', this.#format === 'fp16' ? -65_504 : -3.4028234663852886e38)], 'mask.bias')
  }

  /** Multi-head self-attention of layer i over (B, S, H). */
  attention(i: number, input: string, bias: string): string {
    const { hidden: H, heads: A } = this.#shape
    const at = `h.${i}.attn`
    const qkv = this.#linear(`${at}.c_attn`, input, H, 3 * H) // (B, S, 3H)
    const parts = ['query', 'key', 'value'].map((part) => `${at}.${part}`)
    this.nodes.push(buildNode('Split', [qkv, this.#integers('thirds', [3], [H, H, H])], parts, { attributes: { axis: -1 } }))
    const split = this.#integers('split_heads', [4], [0, 0, A, H / A])
    const [query, key, value] = parts.map((part) =>
      this.op('Transpose', [this.op('Reshape', [part, split], `${part}_split`)], `${part}_heads`, { perm: [0, 2, 1, 3] })
    )
    const keys = this.op('Concat', [`past_key_values.${i}.key`, key!], `present.${i}.key`, { axis: 2 }) // (B, A, T, H/A)
    const values = this.op('Concat', [`past_key_values.${i}.value`, value!], `present.${i}.value`, { axis: 2 })
    const turned = this.op('Transpose', [keys], `${at}.keys_turned`, { perm: [0, 1, 3, 2] })
    const products = this.op('MatMul', [query!, turned], `${at}.products`)
    const scaled = this.op('Mul', [products, this.#float('scale', 1 / Math.sqrt(H / A))], `${at}.scaled`)
    const weights = this.op('Softmax', [this.op('Add', [scaled, bias], `${at}.biased`)], `${at}.weights`, { axis: -1 }) // (B, A, S, T)
    const mixed = this.op('Transpose', [this.op('MatMul', [weights, values], `${at}.mixed`)], `${at}.mixed_turned`, { perm: [0, 2, 1, 3] })
    return this.#linear(`${at}.c_proj`, this.op('Reshape', [mixed, this.#integers('join_heads', [3], [0, 0, H])], `${at}.joined`), H, H)
  }

  /** Two linear layers with GELU in its tanh form, 0.5 u (1 + tanh(√(2/π) (u + 0.044715 u³))), between them. */
  mlp(i: number, input: string): string {
    const { hidden: H } = this.#shape
    const at = `h.${i}.mlp`
    const u = this.#linear(`${at}.c_fc`, input, H, 4 * H) // (B, S, 4H)
    const cubic = this.op('Mul', [this.op('Pow', [u, this.#float('three', 3)], `${at}.cube`), this.#float('cubic', 0.044715)], `${at}.cubic`)
    const inner = this.op('Mul', [this.op('Add', [u, cubic], `${at}.sum`), this.#float('root', Math.sqrt(2 / Math.PI))], `${at}.inner`)
    const gate = this.op('Add', [this.op('Tanh', [inner], `${at}.tanh`), this.#float('unit', 1)], `${at}.gate`)
    const activated = this.op('Mul', [this.op('Mul', [u, this.#float('half', 0.5)], `${at}.half`), gate], `${at}.activated`)
    return this.#linear(`${at}.c_proj`, activated, 4 * H, H)
  }

  /** Logits, float32 in every format. Their matrix is `embedding` (V, H), except in q4, which has a separate one. */
  head(input: string, embedding: string): string {
    const { hidden: H, vocab: V } = this.#shape
    if (this.#format === 'q4') return this.#quantizedProduct(input, 'lm_head', [H, V], 'logits')
    const matrix = this.op('Transpose', [embedding], 'lm_head', { perm: [1, 0] }) // (H, V)
    if (this.#format !== 'fp16') return this.op('MatMul', [input, matrix], 'logits')
    return this.op('Cast', [this.op('MatMul', [input, matrix], 'logits.half')], 'logits', { to: FLOAT })
  }

  #linear(name: string, input: string, from: number, to: number): string {
    const product =
      this.#format === 'q4'
        ? this.#quantizedProduct(input, `transformer.${name}`, [from, to], `${name}.product`)
        : this.op('MatMul', [input, `transformer.${name}.weight`], `${name}.product`)
    return this.op('Add', [product, `transformer.${name}.bias`], `${name}.output`)
  }

  /** MatMulNBits of com.microsoft; see onnxruntime's ContribOperators.md. */
  #quantizedProduct(input: string, weight: string, [K, N]: readonly [number, number], output: string): string {
    const attributes = { K, N, bits: 4, block_size: Q4_BLOCK }
    const node = buildNode('MatMulNBits', [input, `${weight}.weight_q4`, `${weight}.weight_scales`], [output], { attributes })
    this.nodes.push({ ...node, domain: 'com.microsoft' })
    return output
  }

  #integers(name: string, dims: readonly number[], values: readonly number[]): string {
    return this.#constant(buildInt64(`const.${name}`, dims, values))
  }

  #float(name: string, value: number): string {
    return this.#constant(this.#format === 'fp16' ? halfScalar(`const.${name}`, value) : buildFloat(`const.${name}`, [], [value]))
  }

  #constant(constant: Initializer): string {
    if (!this.constants.some(({ name }) => name === constant.name)) this.constants.push(constant)
    return constant.name
  }
}

function halfScalar(name: string, value: number): Initializer {
  return buildTensor(name, [], FLOAT16, new Uint8Array(halfFloats(Float32Array.of(value)).buffer))
}
