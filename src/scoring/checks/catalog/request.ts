import { type CatalogEntry, COMPARE_TOKENIZER, FREE, RETRY, TOKENIZER } from './entry.ts'

/** Checks that come with every result. */
export const REQUEST_ENTRIES = {
  finite: {
    runs: ['request'],
    condition: 'every log-probability in the result is a finite number',
    formula: '-inf < lp_i < inf',
    tolerance: 'exact',
    cost: FREE,
    causes: ['half-precision arithmetic overflowed', 'the weights are corrupted', 'the graph masks the token with -inf'],
    advice: 'The item is rejected with non_finite_logits. Load another dtype, and compare the SHA-256 of the weights with the source.'
  },
  same_sequence: {
    runs: ['request'],
    condition: 'the engine scored exactly the tokens that were sent to it',
    formula: 'checksum(ids sent) = checksum(ids scored); one log-probability per scored token',
    tolerance: 'exact',
    cost: FREE,
    causes: ['the scores belong to another request', 'rows of a batch were swapped', 'logpr has another bug'],
    advice: RETRY
  },
  log_prob_le_zero: {
    runs: ['request'],
    condition: 'no token has a probability above 1',
    formula: 'max_i lp_i <= 0',
    tolerance: '1e-5 nats, the most that float32 rounding adds',
    cost: FREE,
    causes: ['logits were used as log-probabilities', 'the wrong row was read', 'half-precision values were decoded as another type'],
    advice: 'Do not use the result. Report a bug, and name the model.'
  },
  prefix_monotone: {
    runs: ['request'],
    condition: 'the cumulative log-probability never rises from one token to the next',
    formula: 'sum_{j<=i} lp_j <= sum_{j<i} lp_j for every i; the value is the first i that violates it',
    tolerance: '1e-5 nats',
    cost: FREE,
    causes: ['the token at that position has a probability above 1 (see log_prob_le_zero)'],
    advice: 'Do not use the result. Report a bug, and name the position.'
  },
  joint_le_marginal: {
    runs: ['request'],
    condition: "Pr([x,y]) is at most Pr(x); always true of sums from one pass, so this only guards logpr's bookkeeping",
    formula: 'joint - marginal <= 0',
    tolerance: '0',
    cost: FREE,
    causes: ['tokens were counted in the wrong part', 'a token has a probability above 1'],
    advice: 'Do not use the result. Report a bug.'
  },
  additivity: {
    runs: ['request'],
    condition: 'joint, marginal and conditional agree, so each token was counted exactly once',
    formula: '|joint - (marginal + conditional)|',
    tolerance: '1e-9 max(1, |joint|)',
    cost: FREE,
    causes: ['a token between x and y was counted twice or not at all', 'the sums were computed in low precision'],
    advice: 'Do not use the result. Report a bug.'
  },
  boundary: {
    runs: ['request'],
    condition: 'the tokens of x are the first tokens of x+y, tokenized as one text',
    formula: 'tok(x) = tok(x+y)[0 : n_x]',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: ['x ends inside a word', 'x ends with a space that belongs to the next word', 'the tokenizer merges characters across lines or scripts'],
    advice: 'End x at a word boundary and start y with the space. boundary: "move_space" moves the space for you.'
  },
  round_trip: {
    runs: ['request'],
    condition: 'the tokens of x spell x, and the tokens of y spell y',
    formula: 'bytes(ids of x) = bytes(x), bytes(ids of y) = bytes(y)',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: [
      'the vocabulary has no token for a character',
      'the tokenizer adds or removes a space',
      'a token was counted in the wrong part',
      'tokens were lost or added before scoring'
    ],
    advice: 'The scored text is not the text you sent. Send detail: "tokens" and look for the first token that differs.'
  },
  normalizer_unchanged: {
    runs: ['request'],
    condition: "the tokenizer's normalizer did not change the text",
    formula: 'normalize(text) = text',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: ['the normalizer converts text to lower case', 'it applies a Unicode normal form (NFC, NFKC)', 'it strips accents or white space'],
    advice: 'The score is that of the normalized text. To score your own text unchanged, send it in normalized form.'
  },
  token_range: {
    runs: ['request'],
    condition: 'every token id is in the vocabulary of the model',
    formula: '0 <= id < V',
    tolerance: 'exact',
    cost: FREE,
    causes: ['the tokenizer belongs to another model'],
    advice: COMPARE_TOKENIZER
  },
  control_tokens: {
    runs: ['request'],
    condition: 'control tokens occur in x and y only where the request asks for them, and the prefix token occurs once',
    formula: 'number of control ids in x and y; ids[0] != ids[1]',
    tolerance: 'exact',
    cost: FREE,
    causes: ['x begins with the prefix token, which logpr adds as well', 'the tokenizer adds control tokens', 'ordinary text was parsed as control tokens'],
    advice: 'Remove the prefix token from x, or send prefix_token: "none". If ordinary text was parsed as control tokens, report a bug.'
  },
  length: {
    runs: ['request'],
    condition: 'the sequence fits the context and no token was dropped',
    formula: 'n <= context; dropped tokens = 0',
    tolerance: 'exact',
    cost: FREE,
    causes: ['x was truncated because the request sets on_overflow: "truncate_left"'],
    advice: 'log Pr(y|x) is conditioned on the remaining tokens of x. Shorten x to condition on all of it.'
  },
  first_token: {
    runs: ['request'],
    condition: 'a prefix token precedes the text, so its first token has a probability',
    formula: 'ids[0] = prefix token',
    tolerance: 'exact',
    cost: FREE,
    causes: [
      'the request sets prefix_token: "none"',
      'the tokenizer has no BOS token (--prefix-token eos may suit the model)',
      'a sequence sent as ids does not begin with the prefix token, which GET /v1/models names'
    ],
    advice: 'joint and marginal are conditional on the first token. Compare them only with values computed in the same way.'
  },
  greedy_consistent: {
    runs: ['request'],
    condition: 'the arg-max, the scored token and its rank agree in every row',
    formula: 'lp_i <= max_v lp_v; equal if the scored token is the arg-max or has rank 1',
    tolerance: 'exact',
    cost: FREE,
    causes: ['values of different rows or requests were mixed up', 'a log-probability was changed after it was computed'],
    advice: RETRY
  },
  well_formed: {
    runs: ['request'],
    condition: 'the text is well-formed Unicode',
    formula: 'no lone surrogate',
    tolerance: 'exact',
    cost: FREE,
    causes: ['the text was cut in the middle of a character'],
    advice: 'Every result passes this check, because logpr rejects such a text with invalid_text.'
  },
  candidate_mass: {
    runs: ['request'],
    condition: 'mutually exclusive outputs of one x have probabilities that add up to at most 1',
    formula: 'sum_k Pr(y_k | x) <= 1, if no token sequence equals another or begins it',
    tolerance: "1e-6 + exp(t sqrt(n)) - 1, where t is the model's tolerance and n the number of tokens of the longest y",
    cost: FREE,
    causes: ['the outputs were scored after different contexts', 'a score belongs to another output', 'the log-probabilities are not normalized'],
    advice: 'Do not rank these outputs. Score them again with verify: "deep".'
  }
} as const satisfies Record<string, CatalogEntry>
