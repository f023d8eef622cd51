import { type CatalogEntry, COMPARE_TOKENIZER, MODEL_TOLERANCE, ONE_PASS, SUM_TOLERANCE, TOKENIZER } from './entry.ts'

/** Checks that compare forward passes with each other or with stored answers. */
export const PASS_ENTRIES = {
  causality: {
    runs: ['deep', 'start'],
    condition: 'the log-probabilities of x are the same with and without y after it',
    formula: 'max over x of |lp_i([x, y]) - lp_i([x])|',
    tolerance: MODEL_TOLERANCE,
    cost: 'one pass over x',
    causes: [
      'the attention mask lets tokens attend to later ones',
      'activations are quantized over the whole text (dynamic int8)',
      'a cached prefix belongs to another text'
    ],
    advice: 'Export the model again with a causal mask, or use weights without activation quantization.'
  },
  joint_le_marginal_two_pass: {
    runs: ['deep'],
    condition: 'Pr([x,y]) is at most Pr(x) from a separate pass over x',
    formula: 'joint - marginal of a separate pass over x',
    tolerance: SUM_TOLERANCE,
    cost: 'none beyond the pass of causality',
    causes: ['the model is not causal', 'only one of the passes has a prefix token', 'the log-probabilities are not normalized'],
    advice: 'Do not use the result. See causality for the token that differs most.'
  },
  additivity_two_pass: {
    runs: ['deep'],
    condition: 'the joint is the sum of the conditional and a separately computed marginal',
    formula: '|joint - (marginal of a separate pass + conditional)|',
    tolerance: SUM_TOLERANCE,
    cost: 'none beyond the pass of causality',
    causes: ['the model is not causal', 'one of the passes lost a token or counted it twice'],
    advice: 'Do not use the result. See causality for the token that differs most.'
  },
  rerun: {
    runs: ['deep', 'start'],
    condition: 'the same pass twice gives log-probabilities that are equal bit for bit',
    formula: 'max_i |lp_i(first) - lp_i(second)|',
    tolerance: "0; fails above the model's tolerance",
    cost: ONE_PASS,
    causes: ['kernels add in an order that varies', 'a buffer holds values of an earlier pass', 'the memory of the machine is faulty'],
    advice: 'A warning is harmless unless you need bit-identical results. A failure means a fault in the runtime or the machine: try another machine.'
  },
  batch_invariance: {
    runs: ['deep', 'start'],
    condition: 'a sequence has the same log-probabilities alone and in a batch',
    formula: 'max_i |lp_i(in its batch) - lp_i(alone)|',
    tolerance: MODEL_TOLERANCE,
    cost: ONE_PASS,
    causes: ['rows of the batch were mixed up', 'the attention mask is not applied per row', 'activations are quantized over the whole batch'],
    advice: 'Set --max-batch-tokens 1 to score every text alone, and report a bug.'
  },
  padding_invariance: {
    runs: ['deep', 'start'],
    condition: 'padding after a sequence does not change its log-probabilities',
    formula: 'max_i |lp_i(next to a longer text) - lp_i(alone)|',
    tolerance: MODEL_TOLERANCE,
    cost: ONE_PASS,
    causes: ['the graph ignores the attention mask', 'position ids depend on the padding', 'activations are quantized over the whole batch'],
    advice: 'Set --max-batch-tokens 1 to score every text alone, and report a bug.'
  },
  cache_invariance: {
    runs: ['deep', 'start'],
    condition: 'a cached prefix gives the log-probabilities of the full pass',
    formula: 'max_i |lp_i(after a cached prefix) - lp_i(full)|',
    tolerance: MODEL_TOLERANCE,
    cost: ONE_PASS,
    causes: ['positions restart after the cached prefix', 'the cached prefix belongs to another text'],
    advice: 'Set --prefix-cache-bytes 0, and report a bug. If the self-test finds the difference, logpr turns the prefix cache off itself.'
  },
  packing_invariance: {
    runs: ['start'],
    condition: 'a text has the same log-probabilities in a packed row and alone',
    formula: 'max_i |lp_i(packed) - lp_i(alone)|',
    tolerance: "the model's tolerance (start-up self-test)",
    cost: 'one pass over five short texts, and one over each',
    causes: ['the graph mixes tokens in a way that logpr did not recognize', 'positions do not restart for each text'],
    advice: 'logpr serves this model without packing. Report a bug; --packing false turns packing off without the test.'
  },
  context_sensitivity: {
    runs: ['deep'],
    condition: 'the probability of y depends on x',
    formula: '|log Pr(y | x) - log Pr(y | prefix token)|, the pointwise mutual information of x and y',
    tolerance: "passes above the model's tolerance; needs at least 4 tokens of x",
    cost: 'one pass over y',
    causes: ['the model cannot see x: an end token lies between x and y, or attention is broken', 'y does not depend on x'],
    advice: 'Send detail: "tokens" and look for a control token between x and y, which hides x.'
  },
  known_answer: {
    runs: ['start'],
    condition: 'known texts have their stored log-probabilities; repeated while serving',
    formula: 'max_i |lp_i - stored lp_i|',
    tolerance:
      "stored values: the ceiling of the dtype, or 0.5 nats for a single token if activations are rounded to 8 bits, because processors round differently; repeated ones: the model's tolerance",
    cost: 'one pass over each known text',
    causes: ['the weights differ from those of the stored values', 'the runtime or the dtype differs', 'the memory of the machine is faulty'],
    advice: 'Compare the SHA-256 of the model files with the source.'
  },
  tokenizer_known_answer: {
    runs: ['start'],
    condition: 'known texts have their stored token ids',
    formula: 'tok(text) = stored ids',
    tolerance: 'exact',
    cost: TOKENIZER,
    causes: ['the tokenizer belongs to another model', 'the tokenizer is another version'],
    advice: COMPARE_TOKENIZER
  },
  ordering: {
    runs: ['start'],
    condition: 'natural text is more probable than the same words in reverse order',
    formula: 'mean NLL(natural) < mean NLL(reversed words)',
    tolerance: '0',
    cost: 'one pass over some 40 tokens',
    causes: ['the weights were never trained or did not load', 'the model was trained on a language other than English'],
    advice: 'Ignore the warning if the weights are random on purpose. Otherwise compare the SHA-256 of the weights with the source.'
  }
} as const satisfies Record<string, CatalogEntry>
