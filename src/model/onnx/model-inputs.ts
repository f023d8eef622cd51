import { ServiceError } from '../../errors.ts'
import { BFLOAT16, BOOL, FLOAT, FLOAT16, INT32, INT64, type TensorInfo } from './graph.ts'
import { emptyPastShape, type FeedDim, type HeadSizes } from './past-shape.ts'
import { isRefusedName, refusedInput } from './refused-inputs.ts'

/**
 * What an input of the model takes for a padded batch of B texts and S columns.
 *
 *     ids       (B, S)   token ids
 *     mask      (B, S)   1 where there is a token, 0 where there is padding
 *     positions (B, S)   0 to S - 1 in every row
 *     zeros     any      one segment, no past, all logits: 0 or false everywhere
 *     past      has a dimension of 0
 */
export type InputRole = 'ids' | 'mask' | 'positions' | 'zeros' | 'past'

export interface ModelInput {
  readonly name: string
  /** A TensorProto.DataType. */
  readonly elementType: number
  readonly role: InputRole
  /** Of a past or of a scalar; null for (B, S). */
  readonly dims: readonly FeedDim[] | null
}

const INTEGERS = [INT64, INT32]
/** By name: the role, and the element types that it comes in. */
const BY_NAME: Readonly<Record<string, { readonly role: InputRole; readonly types: readonly number[] }>> = {
  input_ids: { role: 'ids', types: INTEGERS },
  attention_mask: { role: 'mask', types: [INT64, INT32, FLOAT, FLOAT16, BOOL] },
  position_ids: { role: 'positions', types: INTEGERS },
  token_type_ids: { role: 'zeros', types: INTEGERS }
}
/** 0 keeps all logits; false takes the branch without past. */
const SCALARS: Readonly<Record<string, readonly number[]>> = { num_logits_to_keep: INTEGERS, logits_to_keep: INTEGERS, use_cache_branch: [BOOL] }
const PAST = /^past(_key_values)?[._].*\d|^past_\d+$/

/**
 * How each of the inputs that a model's logits depend on is fed, decided by name, type and shape. Throws `model_unsupported`
 * with the reason for one that a scorer of whole texts cannot feed.
 */
export function modelInputs(inputs: readonly TensorInfo[], sizes: HeadSizes): ModelInput[] {
  const roles = inputs.map((input) => roleOf(input, sizes))
  if (!roles.some(({ role }) => role === 'ids'))
    throw new ServiceError(
      'model_unsupported',
      `the graph takes no input_ids but ${inputs.map(({ name }) => name).join(', ') || 'nothing'}: is it a causal language model?`
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
      ? 'bfloat16, which onnxruntime does not pass in or out from Node.js: export the model in fp32 or fp16'
      : `element type ${elementType} of onnx.proto, expected ${types.join(' or ')}`
  throw new ServiceError('model_unsupported', `the input ${name} has ${advice}`)
}

function assertBatchShape({ name, shape }: TensorInfo): void {
  if (shape === null) return
  const found = `the input ${name} has shape [${shape.join(', ')}]`
  if (shape.length !== 2) throw new ServiceError('model_unsupported', `${found}, expected [batch, sequence]`)
  if (shape.some((dim) => typeof dim === 'number'))
    throw new ServiceError('model_unsupported', `${found}, which fixes the number or the length of the texts: export the model with dynamic axes`)
}
