import { type CatalogEntry, FREE, TOKENIZER } from './entry.ts'

/** Checks that come with every result. */
export const REQUEST_ENTRIES = {
  finite: {
    runs: ['request'],
    condition: 'every log-probability that was used is a finite number',
    formula: '-inf < lp_i < inf',
    tolerance: 'exact',
    cost: FREE,
    causes: ['half-precision overflow', 'damaged weights', 'a token that the graph masks out'],
    advice: 'The item is refused with non_finite_logits. Use another dtype, and compare the hash of the weights.'
  },
  same_sequence: {
    runs: ['request'],
    condition: 'the engine scored the tokens that were sent to it, all of them',
    formula: 'checksum(ids sent) = checksum(ids scored); one number a scored token',
    tolerance: 'exact',
    cost: FREE,
    causes: ['the result of another request', 'swapped rows of a batch', 'a fault of the service'],
    advice: 'Do not use the result; ask again and report it.'
  },
  log_prob_le_zero: {
    runs: ['request'],
    condition: 'no token is more probable than certain',
    formula: 'max_i lp_i <= 0',
    tolerance: '1e-5 nats, what float32 rounding may add',
    cost: FREE,
    causes: ['logits in place of log-probabilities', 'the wrong row', 'half-precision numbers read as another type'],
    advice: 'Do not use the result; report it with the model.'
  },
  prefix_monotone: {
    runs: ['request'],
    condition: 'the running log-probability never rises from one token to the next',
    formula: 'sum_{j<=i} lp_j <= sum_{j<i} lp_j for every i; the value is the first i where it does not',
    tolerance: '1e-5 nats',
    cost: FREE,
    causes: ['a token with a probability above 1 at that position (see log_prob_le_zero)'],
    advice: 'Do not use the result; report the position.'
  },
  joint_le_marginal: {
    runs: ['request'],
    condition: 'x and y together are at most as probable as x alone; in one pass a tautology that guards the bookkeeping',
    formula: 'joint - marginal <= 0',
    tolerance: '0',
    cost: FREE,
    causes: ['tokens counted in the wrong part', 'a token with a probability above 1'],
    advice: 'Do not use the result; report it.'
  },
  additivity: {
    runs: ['request'],
    condition: 'the three sums agree, so each token was counted exactly once',
    formula: '|joint - (marginal + conditional)|',
    tolerance: '1e-9 max(1, |joint|)',
    cost: FREE,
    causes: ['a token counted twice or lost between x and y', 'sums kept in low precision'],
    advice: 'Do not use the result; report it.'
  },
  boundary: {
    runs: ['request'],
    condition: 'the tokens of x are the first tokens of x+y',
    formula: 'tok(x) = tok(x+y)[0 : n_x]',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: ['x ends inside a word', 'x ends with the space that belongs to the word after it', 'a tokenizer that merges across lines or scripts'],
    advice: 'Move the end of x to a word boundary, the space to the start of y; boundary: "move_space" does the latter.'
  },
  round_trip: {
    runs: ['request'],
    condition: 'the tokens of x spell x, and those of y spell y',
    formula: 'bytes(ids of x) = bytes(x), bytes(ids of y) = bytes(y)',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: [
      'no token for a character',
      'a tokenizer that adds or drops a space of its own',
      'a token counted in the wrong part',
      'tokens lost or added on the way'
    ],
    advice: 'The scored text is not the text sent. Look at detail: "tokens" for the first token that differs.'
  },
  normalizer_unchanged: {
    runs: ['request'],
    condition: "the tokenizer's normalizer left the text as it was sent",
    formula: 'normalize(text) = text',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: ['a tokenizer that lower-cases', 'a Unicode normal form (NFC, NFKC)', 'accents or spaces that it strips'],
    advice: 'Expect the numbers of the changed text; send text in the normal form to be sure.'
  },
  token_range: {
    runs: ['request'],
    condition: 'every id is in the vocabulary of the model',
    formula: '0 <= id < V',
    tolerance: 'exact',
    cost: FREE,
    causes: ['the tokenizer belongs to another model'],
    advice: 'Compare tokenizer.json with the model it came with.'
  },
  control_tokens: {
    runs: ['request'],
    condition: 'control tokens stand in x and y only where they were asked for, and one prefix token in front',
    formula: 'count of control ids in x and y; ids[0] != ids[1]',
    tolerance: 'exact',
    cost: FREE,
    causes: [
      'x begins with the prefix token, which is added anyway',
      'a tokenizer that adds control tokens by itself',
      'ordinary text parsed as control tokens'
    ],
    advice: 'Leave the prefix token out of x, or send prefix_token: "none".'
  },
  length: {
    runs: ['request'],
    condition: 'the sequence fits the context and nothing was cut off',
    formula: 'n <= context; tokens left out = 0',
    tolerance: 'exact',
    cost: FREE,
    causes: ['x was truncated, as on_overflow asked for'],
    advice: 'log Pr(y|x) is conditioned on the rest of x; shorten x to have the whole.'
  },
  first_token: {
    runs: ['request'],
    condition: 'a prefix token precedes the text, so its first token has a probability',
    formula: 'ids[0] = prefix token',
    tolerance: 'exact',
    cost: FREE,
    causes: ['prefix_token: "none"', 'a tokenizer without a begin token (the option PREFIX_TOKEN=eos may fit the model)'],
    advice: 'Joint and marginal are conditional on the first token; compare them only with numbers made alike.'
  },
  greedy_consistent: {
    runs: ['request'],
    condition: 'arg-max, target and rank agree at every row',
    formula: 'lp_i <= max_v lp_v; equal when the target is the arg-max or has rank 1',
    tolerance: 'exact',
    cost: FREE,
    causes: ['numbers of different rows or requests were mixed', 'a log-probability changed after it was computed'],
    advice: 'Do not use the result; ask again and report it.'
  },
  well_formed: {
    runs: ['request'],
    condition: 'the text is well-formed Unicode',
    formula: 'no lone surrogate',
    tolerance: 'exact',
    cost: FREE,
    causes: ['a text that was cut in the middle of a character'],
    advice: 'Always passes in a result: such a text is refused with invalid_text.'
  },
  candidate_mass: {
    runs: ['request'],
    condition: 'outputs of one x that exclude each other share a probability of at most 1',
    formula: 'sum_k Pr(y_k | x) <= 1, for token sequences that are distinct and of which none begins another',
    tolerance: '1e-6, and the tolerance of a token times the root of the number of tokens of the longest y',
    cost: FREE,
    causes: ['outputs scored after different contexts', 'a result of another output', 'log-probabilities that are not normalised'],
    advice: 'Do not rank these outputs; score them again with verify: "deep".'
  }
} as const satisfies Record<string, CatalogEntry>

/** Checks of a training loss. */
export const LOSS_ENTRIES = {
  mask_sanity: {
    runs: ['loss'],
    condition: 'the loss is taken on the completion alone',
    formula: 'unmasked ids spell y (and the end token); count > 0; first label at index >= 1; one label a token',
    tolerance: 'exact',
    cost: FREE,
    causes: ['nothing is trained', 'a boundary inside a token', 'a template that was not found'],
    advice: 'See diagnosis.findings for the tokens at fault.'
  },
  loss_convention: {
    runs: ['loss'],
    condition: 'the reported loss is the mean over the completion',
    formula: '|reported - hypothesis| / |hypothesis| for every convention',
    tolerance: '1e-3 relative',
    cost: 'none without reported_loss; else two more passes with shifted labels, and one with an end token that was not sent',
    causes: ['the prompt was not masked', 'labels shifted by one', 'sums, other units or an end token in the loss'],
    advice: 'diagnosis.reported_loss names the convention that explains the number.'
  }
} as const satisfies Record<string, CatalogEntry>
