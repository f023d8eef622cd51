import type { Convention } from './conventions.ts'

/** The sums of each example of a batch, nats: over trained tokens, and over all tokens that a row predicts. */
export type BatchLosses = readonly {
  readonly sum: number
  readonly denominator: number
  readonly wholeSum: number
  readonly wholeTokens: number
}[]

/** The losses that a run could print for a batch. The first one is that of transformers. */
export function batchConventionsOf(losses: BatchLosses): Convention[] {
  const trained = losses.filter(({ denominator }) => denominator > 0)
  const sum = total(trained.map((each) => each.sum))
  const denominator = total(trained.map((each) => each.denominator))
  const wholeSum = total(losses.map((each) => each.wholeSum))
  const wholeTokens = total(losses.map((each) => each.wholeTokens))
  const found: readonly (readonly [string, number, string])[] = [
    ['batch_token_mean', sum / denominator, 'mean over the trained tokens of all examples: the value that transformers reports for a batch'],
    [
      'batch_example_mean',
      total(trained.map((each) => each.sum / each.denominator)) / trained.length,
      'mean of the means of the examples: a token of a short example counts more, as when batches of one example are accumulated'
    ],
    ['batch_sum', sum, 'sum over the trained tokens of all examples: divide it by their number'],
    [
      'batch_sum_over_examples',
      sum / losses.length,
      'sum over the trained tokens, divided by the number of examples: divide it by the number of trained tokens'
    ],
    ['batch_full_sequence_mean', wholeSum / wholeTokens, 'mean over all tokens of all examples: the labels of the prompts are not -100'],
    ['batch_sum_over_all_tokens', sum / wholeTokens, 'sum over the trained tokens, divided by the number of all tokens: the mean counts masked tokens'],
    ['batch_token_mean_bits', sum / denominator / Math.LN2, 'mean over the trained tokens of all examples, in bits instead of nats']
  ]
  return found
    .filter(([convention, value]) => Number.isFinite(value) && (trained.length > 0 || convention === 'batch_full_sequence_mean'))
    .map(([convention, value, message]) => ({ convention, value, message }))
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
