import { type CatalogEntry, PROBE } from './entry.ts'

/** Checks of raw logits by a second implementation. */
export const PROBE_ENTRIES = {
  finite_logits: {
    runs: ['deep', 'start'],
    condition: 'every raw logit of the sampled rows is finite, also those of tokens that were not asked for',
    formula: '-inf < z_v < inf for all v that the tokenizer has',
    tolerance: 'exact',
    cost: PROBE,
    causes: ['a token that the graph masks out (-inf)', 'half-precision overflow'],
    advice: 'A masked token makes all others too probable: export the model without logit processors.'
  },
  normalization: {
    runs: ['deep', 'start'],
    condition: 'the probabilities of a row add up to 1',
    formula: '|sum_v exp(lp_v) - 1| over the whole vocabulary',
    tolerance: '1e-4',
    cost: PROBE,
    causes: ['a temperature or a filter after the softmax', 'a softmax over the wrong axis', 'a truncated vocabulary'],
    advice: 'Do not use the numbers; the graph does not give log-probabilities.'
  },
  loss_parity: {
    runs: ['deep', 'start'],
    condition: 'a second implementation of the log-sum-exp, in float64 from raw logits, gives the same log-probability',
    formula: '|lp_i - (z_target - log sum_v exp z_v)|',
    tolerance: '1e-4 nats; the tolerance of the model on top where the result is of another pass',
    cost: PROBE,
    causes: ['a log-probability changed after it was computed', 'the wrong row or target', 'an overflow inside the log-softmax'],
    advice: 'Do not use the result; report it.'
  },
  shift_alignment: {
    runs: ['deep', 'start'],
    condition: 'each row predicts the token after it, not the same one and not the one after next',
    formula: 'mean lp with targets shifted by 1 > mean lp with shift 0 and with shift 2',
    tolerance:
      '0.5 nats, or three standard errors of the mean; from 16 tokens on that differ from their neighbours, for text that costs less than 0.6 ln V a token',
    cost: PROBE,
    causes: ['labels that are not shifted', 'labels that are shifted twice', 'an export that shifts logits itself'],
    advice: 'Do not use the numbers: they belong to the neighbouring tokens. Export the model again.'
  },
  unreachable_mass: {
    runs: ['deep', 'start'],
    condition: 'hardly any probability lies on ids that the tokenizer does not have',
    formula: 'sum of p_v over v >= size of the tokenizer',
    tolerance: '1e-3',
    cost: PROBE,
    causes: ['the tokenizer belongs to another model', 'padding rows of the vocabulary that were never trained'],
    advice: 'Compare tokenizer.json with the model it came with.'
  },
  better_than_chance: {
    runs: ['deep', 'start'],
    condition: 'the model finds the text likelier than a draw of tokens at random, and no entropy is above that of one',
    formula: 'mean NLL < ln V; 0 <= H <= ln V',
    tolerance: 'from 16 tokens on',
    cost: PROBE,
    causes: ['text in a language or script that the model never saw', 'weights or tokenizer of another model', 'a prefix token that is missing'],
    advice: 'If the text is of the kind that the model was trained on, compare the hashes of weights and tokenizer.'
  },
  precision: {
    runs: ['deep', 'start'],
    condition: 'logits are as fine as the dtype claims',
    formula: 'largest number of significant bits among logits: 24 in float32, 11 in float16, 8 in bfloat16',
    tolerance: 'more than 11 bits where float32 is claimed',
    cost: PROBE,
    causes: ['a graph that computes in half precision', 'a weight file of another dtype'],
    advice: 'Expect differences of 0.01 nats a token (float16) or 0.1 (bfloat16); take the float32 file for more.'
  }
} as const satisfies Record<string, CatalogEntry>
