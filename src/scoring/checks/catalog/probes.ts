import { type CatalogEntry, COMPARE_TOKENIZER, PROBE } from './entry.ts'

/** Checks that a second implementation makes of raw logits. */
export const PROBE_ENTRIES = {
  finite_logits: {
    runs: ['deep', 'start'],
    condition: 'every logit of the sampled rows is finite, including those of tokens that were not scored',
    formula: '-inf < z_v < inf for all v that the tokenizer has',
    tolerance: 'exact',
    cost: PROBE,
    causes: ['the graph masks a token with -inf', 'half-precision arithmetic overflowed'],
    advice: 'A masked token makes all others too probable. Export the model without logits processors.'
  },
  normalization: {
    runs: ['deep', 'start'],
    condition: 'the probabilities of each sampled row add up to 1',
    formula: '|sum_v exp(lp_v) - 1| over the whole vocabulary',
    tolerance: '1e-4',
    cost: PROBE,
    causes: ['a temperature or a filter is applied after the softmax', 'the softmax runs over the wrong axis', 'the vocabulary is truncated'],
    advice: 'Do not use the scores: the graph does not compute log-probabilities. Report a bug, and name the model.'
  },
  loss_parity: {
    runs: ['deep', 'start'],
    condition: 'a second log-softmax, in float64 from raw logits, gives the same log-probabilities',
    formula: '|lp_i - (z_target - log sum_v exp z_v)|',
    tolerance: "1e-4 nats, plus the model's tolerance if the result comes from another pass",
    cost: PROBE,
    causes: ['a log-probability was changed after it was computed', 'the wrong row or token was read', 'the log-softmax overflowed'],
    advice: 'Do not use the result. Report a bug, and name the model.'
  },
  shift_alignment: {
    runs: ['deep', 'start'],
    condition: 'each row predicts the next token, not the current one or the one after the next',
    formula: 'mean lp with targets shifted by 1 > mean lp with shift 0 and with shift 2',
    tolerance:
      '0.5 nats or three standard errors of the mean, whichever is larger; needs 16 tokens that differ from their neighbours, and text below 0.6 ln V nats per token',
    cost: PROBE,
    causes: ['the labels are not shifted', 'the labels are shifted twice', 'the exported graph shifts the logits itself'],
    advice: 'Do not use the scores: they belong to the neighbouring tokens. Export the model again.'
  },
  unreachable_mass: {
    runs: ['deep', 'start'],
    condition: 'ids that the tokenizer does not have get almost no probability',
    formula: 'sum of p_v over v >= vocabulary size of the tokenizer',
    tolerance: '1e-3',
    cost: PROBE,
    causes: ['the tokenizer belongs to another model', 'the rows that pad the vocabulary were never trained'],
    advice: COMPARE_TOKENIZER
  },
  better_than_chance: {
    runs: ['deep', 'start'],
    condition: 'the model predicts the text better than chance, and no row has an entropy above ln V',
    formula: 'mean NLL < ln V; 0 <= H <= ln V',
    tolerance: 'needs at least 16 tokens',
    cost: PROBE,
    causes: ['the model never saw the language or script of the text', 'the weights or the tokenizer belong to another model', 'the prefix token is missing'],
    advice: 'If the model was trained on this kind of text, compare the SHA-256 of the weights and the tokenizer with the source.'
  },
  precision: {
    runs: ['deep', 'start'],
    condition: 'the logits have the precision of the dtype',
    formula: 'largest number of significant bits of a logit: 24 in float32, 11 in float16, 8 in bfloat16',
    tolerance: 'more than 11 bits if the dtype is float32',
    cost: PROBE,
    causes: ['the graph computes in half precision', 'a weight file has another dtype'],
    advice: 'Expect errors of 0.01 nats per token (float16) or 0.1 nats (bfloat16). Load the float32 file for more precision.'
  }
} as const satisfies Record<string, CatalogEntry>
