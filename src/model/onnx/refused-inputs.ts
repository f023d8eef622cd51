import { ServiceError } from '../../errors.ts'
import type { TensorInfo } from './graph.ts'

/** Inputs of models that a plain scorer of texts cannot run, and what to do about it. */
const REFUSED: readonly { readonly name: RegExp; readonly reason: string }[] = [
  {
    name: /^inputs?_embed/,
    reason:
      'takes embeddings in place of token ids: its embedding table lies in another graph. Export the whole model, for example with optimum-cli export onnx --task text-generation'
  },
  {
    name: /^encoder_|^decoder_(input_ids|attention_mask)|\.(encoder|decoder)\.(key|value)$/,
    reason: 'belongs to an encoder-decoder; logpr scores decoder-only models'
  },
  {
    name: /^cache_|[._](conv|ssm|recurrent)([._]|$)|^(conv|ssm|recurrent)_|^past_(conv|ssm|recurrent)|state/,
    reason: 'is the state of a recurrent or convolution layer, which has no empty form that every export agrees on; logpr runs attention alone'
  },
  { name: /pixel|image|vision|audio|input_features|input_values|speech/, reason: 'is of another modality; logpr scores texts' },
  {
    name: /block_table|slot_mapping|cumulative_sequence_lengths|attention_metadata|past_sequence_lengths|logits_indices|cu_seqlens|kv_indptr/,
    reason: 'belongs to paged attention, whose cache a server of generations keeps. Build the model again without paged attention'
  },
  { name: /(key|value)_scale$/, reason: 'belongs to a quantized key-value cache. Build the model again with an unquantized one' },
  { name: /^labels$|_grad$|grad_buffer|lazy_reset_grad/, reason: 'belongs to a training graph. Export the model for inference' },
  { name: /past_seq|total_seq|seqlens_k/, reason: 'counts positions for a runtime of fixed shapes. Export the model with an attention_mask' }
]

/** Names what logpr can feed, for the error on anything else. */
const KNOWN = 'input_ids, attention_mask, position_ids, token_type_ids, num_logits_to_keep, use_cache_branch and past keys and values'

/** Why a model with such an input cannot be scored. */
export function refusedInput({ name, shape }: TensorInfo): ServiceError {
  const known = REFUSED.find((each) => each.name.test(name))
  const what = `the graph wants an input named ${name}`
  if (known !== undefined) return new ServiceError('model_unsupported', `${what}, which ${known.reason}`)
  return new ServiceError('model_unsupported', `${what} [${shape?.join(', ') ?? 'of unknown rank'}], which logpr does not know how to feed; it knows ${KNOWN}`)
}

/** Whether a name that looks like a past is of a kind that has no empty form. */
export function isRefusedName(name: string): boolean {
  return REFUSED.some((each) => each.name.test(name))
}
