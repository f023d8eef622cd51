import { type CatalogEntry, MODEL_TOLERANCE, ONE_PASS, TOKENIZER } from './entry.ts'

/** Checks that compare passes with each other or with known answers. */
export const PASS_ENTRIES = {
  causality: {
    runs: ['deep', 'start'],
    condition: 'the numbers of x are the same whether y follows it or not',
    formula: 'max over x of |lp_i([x, y]) - lp_i([x])|',
    tolerance: MODEL_TOLERANCE,
    cost: 'a pass over x',
    causes: ['an attention mask that lets tokens see later ones', 'activations quantized over the whole text (dynamic int8)', 'a cache of another text'],
    advice: 'Export the model again with a causal mask, or use weights that quantize no activations.'
  },
  joint_le_marginal_two_pass: {
    runs: ['deep'],
    condition: 'x and y together are at most as probable as x scored by itself',
    formula: 'joint - marginal of a separate pass over x',
    tolerance: 'tolerance of a token times the root of the number of tokens of x',
    cost: 'the pass of causality',
    causes: ['a model that is not causal', 'a prefix token in one pass and not in the other', 'log-probabilities that are not normalised'],
    advice: 'Do not use the result; see causality for the token at fault.'
  },
  additivity_two_pass: {
    runs: ['deep'],
    condition: 'joint is the sum of a separately computed marginal and the conditional',
    formula: '|joint - (marginal of a separate pass + conditional)|',
    tolerance: 'tolerance of a token times the root of the number of tokens of x',
    cost: 'the pass of causality',
    causes: ['a model that is not causal', 'tokens lost or counted twice in one of the passes'],
    advice: 'Do not use the result; see causality for the token at fault.'
  },
  rerun: {
    runs: ['deep', 'start'],
    condition: 'the same pass twice gives the same numbers, bit for bit',
    formula: 'max_i |lp_i(first) - lp_i(second)|',
    tolerance: '0 to pass; fail above the tolerance of the model',
    cost: ONE_PASS,
    causes: ['kernels whose order of summation varies', 'a stale buffer', 'faulty memory'],
    advice: 'A warning is harmless where digits need not repeat; a failure means that the machine or the runtime is at fault.'
  },
  batch_invariance: {
    runs: ['deep', 'start'],
    condition: 'a sequence has the same numbers alone and beside others',
    formula: 'max_i |lp_i(in its batch) - lp_i(alone)|',
    tolerance: MODEL_TOLERANCE,
    cost: ONE_PASS,
    causes: ['rows of a batch mixed up', 'an attention mask that is not applied by row', 'activations quantized over the whole batch'],
    advice: 'Set --max-batch-tokens 1 to score every text alone, and report it.'
  },
  padding_invariance: {
    runs: ['deep', 'start'],
    condition: 'padding after a sequence does not change its numbers',
    formula: 'max_i |lp_i(beside a longer text) - lp_i(alone)|',
    tolerance: MODEL_TOLERANCE,
    cost: ONE_PASS,
    causes: ['an attention mask that is ignored', 'position ids that depend on the padding', 'activations quantized over the whole batch'],
    advice: 'Set --max-batch-tokens 1 to score every text alone, and report it.'
  },
  cache_invariance: {
    runs: ['deep', 'start'],
    condition: 'a kept prefix gives the numbers of the full pass',
    formula: 'max_i |lp_i(behind a kept prefix) - lp_i(full)|',
    tolerance: MODEL_TOLERANCE,
    cost: ONE_PASS,
    causes: ['positions that restart after the prefix', 'a prefix of another text'],
    advice: 'A start that finds a difference serves without kept prefixes. Set --prefix-cache-bytes 0, and report it.'
  },
  packing_invariance: {
    runs: ['start'],
    condition: 'a text has the same numbers packed into one row with others and by itself',
    formula: 'max_i |lp_i(packed) - lp_i(alone)|',
    tolerance: "the model's tolerance (start-up self-test)",
    cost: 'a pass over five short texts, and one over each',
    causes: ['a graph that mixes tokens in a way that was not recognised', 'positions that do not restart'],
    advice: 'A start that finds a difference serves without packing. Set --packing false, and report it.'
  },
  context_sensitivity: {
    runs: ['deep'],
    condition: 'x makes a difference to y',
    formula: '|log Pr(y | x) - log Pr(y | prefix token)|, the pointwise mutual information of x and y',
    tolerance: 'above the tolerance of a token, from 4 tokens of x on',
    cost: 'a pass over y',
    causes: ['x is ignored: an end token between x and y, or broken attention', 'y that does not depend on x'],
    advice: 'Look at the tokens with detail: "tokens"; a control token between x and y hides x.'
  },
  known_answer: {
    runs: ['start'],
    condition: 'fixed texts have the log-probabilities that they are known to have; repeated while serving',
    formula: 'max_i |lp_i - stored lp_i|',
    tolerance:
      'stored values: the ceiling of the dtype, but 0.5 nats for a single token of a model that rounds activations to 8 bits, since another processor rounds some to the other side; repeated ones: the tolerance of the model',
    cost: 'a pass over each known text',
    causes: ['other weights', 'another runtime or dtype', 'faulty memory'],
    advice: 'Compare the hashes of the files with those of the source.'
  },
  tokenizer_known_answer: {
    runs: ['start'],
    condition: 'fixed texts have the token ids that they are known to have',
    formula: 'tok(text) = stored ids',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: ['the tokenizer of another model', 'another version of the tokenizer'],
    advice: 'Compare tokenizer.json with the model it came with.'
  },
  ordering: {
    runs: ['start'],
    condition: 'natural text is likelier than the same words in reverse order',
    formula: 'mean NLL(natural) < mean NLL(reversed words)',
    tolerance: '0',
    cost: 'a pass over some 40 tokens',
    causes: ['weights that were never trained or did not load', 'a model of another language'],
    advice: 'Expected of models with random weights; else compare the hash of the weights.'
  }
} as const satisfies Record<string, CatalogEntry>
