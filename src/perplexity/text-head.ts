import type { Warning } from '../encoding/encoded-item.ts'
import { assertReachable } from '../encoding/item-input.ts'
import type { EvaluationContext } from '../evaluation/evaluation-context.ts'
import type { PerplexityOptions } from './request.ts'

/** The tokens in front of each text. The first of all is never scored. */
export interface TextHead {
  readonly ids: Int32Array
  /** Null without one. */
  readonly prefixTokenId: number | null
  readonly warnings: readonly Warning[]
}

/**
 * - `auto` with strided windows, as the Hugging Face recipe: what the tokenizer adds at the start of a text.
 * - `auto` with disjoint windows, as lm-evaluation-harness: BOS, or EOS for models without one, then what the tokenizer
 *   adds, which is scored.
 * - `single`: BOS, or EOS for models without one.
 *
 * Throws `token_out_of_range` for a prefix token that the model cannot read.
 */
export function textHeadOf({ window, prefix }: Pick<PerplexityOptions, 'window' | 'prefix'>, context: EvaluationContext): TextHead {
  const { info } = context.tokenizer
  const { before } = info.added
  const prefixId = context.prefixTokenId ?? info.beginId ?? info.endId
  const own = prefixId === null ? [] : [prefixId]
  const isOfHarness = prefix === 'auto' && window.kind === 'disjoint'
  const ids = Int32Array.from(prefix === 'none' ? [] : isOfHarness ? [...own, ...before] : prefix === 'single' ? own : before)
  assertReachable(ids, 'prefix_token', context)
  return {
    ids,
    prefixTokenId: ids[0] ?? null,
    warnings: [
      ...(ids.length === 0 ? [FIRST_TOKEN] : []),
      ...(isOfHarness && ids.length > 1 ? [BEGIN_TOKEN] : []),
      ...(context.causal === 'approximate' ? [APPROXIMATE_WINDOWS] : [])
    ]
  }
}

const FIRST_TOKEN: Warning = {
  code: 'conditional_on_first_token',
  message:
    'nothing precedes the text, so its first token has no probability and is in none of the sums; send prefix_token "single" to score it behind a prefix token'
}

const BEGIN_TOKEN: Warning = {
  code: 'begin_token_scored',
  message:
    'as in lm-evaluation-harness, the begin token that the tokenizer adds is scored behind the prefix token, which lowers log_prob; send prefix_token "single" to score the text alone'
}

const APPROXIMATE_WINDOWS: Warning = {
  code: 'approximate_model',
  message: 'this model quantizes activations over whole tensors, so the score of a token depends slightly on later tokens; each window was scored alone'
}
