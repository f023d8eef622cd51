import { ServiceError } from '../../errors.ts'
import { BFLOAT16, BOOL, dataTypeName, FLOAT, FLOAT16, INT32, INT64 } from './data-types.ts'
import type { TensorInfo } from './graph.ts'
import { emptyPastShape, type FeedDim, type HeadSizes } from './past-key-values.ts'

/**
 * What to feed an input of the model for a padded batch of B texts and S columns.
 *
 *     ids       (B, S)   token ids
 *     mask      (B, S)   1 where there is a token, 0 where there is padding
 *     positions (B, S)   0 to S - 1 in every row
 *     zeros     any      0 or false everywhere: one segment, no past, all logits
 *     past      has a dimension of 0
 */
export type InputRole = 'ids' | 'mask' | 'positions' | 'zeros' | 'past'

export interface ModelInput {
  readonly name: string
  /** A TensorProto.DataType. */
  readonly elementType: number
  readonly role: InputRole
  /** Shape of a past or of a scalar; null for (B, S). */
  readonly dims: readonly FeedDim[] | null
}

const INTEGERS = [INT64, INT32]
/** By name: the role, and the element types that exports give it. */
const BY_NAME: Readonly<Record<string, { readonly role: InputRole; readonly types: readonly number[] }>> = {
  input_ids: { role: 'ids', types: INTEGERS },
  attention_mask: { role: 'mask', types: [INT64, INT32, FLOAT, FLOAT16, BOOL] },
  position_ids: { role: 'positions', types: INTEGERS },
  token_type_ids: { role: 'zeros', types: INTEGERS }
}
/** 0 keeps all logits; false selects the branch without past. */
const SCALARS: Readonly<Record<string, readonly number[]>> = { num_logits_to_keep: INTEGERS, logits_to_keep: INTEGERS, use_cache_branch: [BOOL] }
const PAST = /^past(_key_values)?[._].*\d|^past_\d+$/

/**
 * How to feed each input that a model's logits depend on, decided by name, type and shape. Throws `model_unsupported`
 * with the reason for an input that logpr cannot feed.
 */
export function modelInputs(inputs: readonly TensorInfo[], sizes: HeadSizes): ModelInput[] {
  const roles = inputs.map((input) => roleOf(input, sizes))
  if (!roles.some(({ role }) => role === 'ids'))
    throw new ServiceError(
      'model_unsupported',
      `the graph has no input input_ids; it has ${inputs.map(({ name }) => name).join(', ') || 'none'}: is it a causal language model?`
    )
  return roles
}

function roleOf(input: TensorInfo, sizes: HeadSizes): ModelInput {
  const { name, elementType, shape } = input
  const known = BY_NAME[name]
  if (known !== undefined) {
    assertType(input, known.types)
    assertBatchShape(input)
    return { name, elementType, role: known.role, dims: null }
  }
  const scalar = SCALARS[name]
  if (scalar !== undefined) {
    assertType(input, scalar)
    return { name, elementType, role: 'zeros', dims: (shape ?? []).map(() => 1) }
  }
  if (!PAST.test(name) || isRefusedName(name)) throw refusedInput(input)
  assertType(input, [FLOAT, FLOAT16])
  return { name, elementType, role: 'past', dims: emptyPastShape(input, sizes) }
}

function assertType({ name, elementType }: TensorInfo, types: readonly number[]): void {
  if (types.includes(elementType)) return
  const advice =
    elementType === BFLOAT16
      ? 'bfloat16, which onnxruntime does not accept from Node.js: export the model in fp32 or fp16'
      : `${dataTypeName(elementType)}, expected ${types.map(dataTypeName).join(' or ')}: export the model again`
  throw new ServiceError('model_unsupported', `the input ${name} has element type ${advice}`)
}

function assertBatchShape({ name, shape }: TensorInfo): void {
  if (shape === null) return
  const found = `the input ${name} has shape [${shape.join(', ')}]`
  if (shape.length !== 2) throw new ServiceError('model_unsupported', `${found}, expected [batch, sequence]`)
  if (shape.some((dim) => typeof dim === 'number'))
    throw new ServiceError('model_unsupported', `${found}, which fixes the number or length of the texts: export the model with dynamic axes`)
}

/** Inputs that logpr cannot feed: the reason and the remedy, to be read after the input's name. */
const REFUSED: readonly { readonly name: RegExp; readonly reason: string }[] = [
  {
    name: /^inputs?_embed/,
    reason:
      'takes embeddings instead of token ids: the embedding table is in another graph. Export the whole model, for example with optimum-cli export onnx --task text-generation'
  },
  {
    name: /^encoder_|^decoder_(input_ids|attention_mask)|\.(encoder|decoder)\.(key|value)$/,
    reason: 'belongs to an encoder-decoder; logpr scores decoder-only models'
  },
  {
    name: /^cache_|[._](conv|ssm|recurrent)([._]|$)|^(conv|ssm|recurrent)_|^past_(conv|ssm|recurrent)|state/,
    reason: 'is the state of a recurrent or convolution layer, whose empty form differs between exports; logpr runs models of attention layers only'
  },
  { name: /pixel|image|vision|audio|input_features|input_values|speech/, reason: 'belongs to another modality; logpr scores text' },
  {
    name: /block_table|slot_mapping|cumulative_sequence_lengths|attention_metadata|past_sequence_lengths|logits_indices|cu_seqlens|kv_indptr/,
    reason: 'belongs to paged attention, whose cache a generation server manages. Build the model without paged attention'
  },
  { name: /(key|value)_scale$/, reason: 'belongs to a quantized KV cache. Build the model with an unquantized one' },
  { name: /^labels$|_grad$|grad_buffer|lazy_reset_grad/, reason: 'belongs to a training graph. Export the model for inference' },
  { name: /past_seq|total_seq|seqlens_k/, reason: 'counts positions for a runtime of fixed shapes. Export the model with an attention_mask' }
]

/** The inputs that logpr can feed, for the error about any other. */
const KNOWN = 'input_ids, attention_mask, position_ids, token_type_ids, num_logits_to_keep, use_cache_branch and past keys and values'

function refusedInput({ name, shape }: TensorInfo): ServiceError {
  const known = REFUSED.find((each) => each.name.test(name))
  const what = `the graph has an input named ${name}`
  if (known !== undefined) return new ServiceError('model_unsupported', `${what}, which ${known.reason}`)
  return new ServiceError('model_unsupported', `${what} [${shape?.join(', ') ?? 'of unknown rank'}], which logpr cannot feed; it can feed ${KNOWN}`)
}

/** Some names that look like a past belong to a state without an empty form. */
function isRefusedName(name: string): boolean {
  return REFUSED.some((each) => each.name.test(name))
}
