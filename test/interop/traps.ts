/**
 * Where each known trap of the protocols is tested: what goes wrong elsewhere, and the tests by file and by a part of
 * their name.
 */
export interface Trap {
  readonly id: string
  readonly trap: string
  readonly tests: readonly (readonly [file: string, name: string])[]
}

const TRAPS_TEST = 'http/completions.traps.test.ts'
const CHOICE = 'completions/choice.test.ts'
const CAPTURED = 'interop/captured-requests.test.ts'
const RERANK = 'http/rerank.test.ts'

export const TRAPS: readonly Trap[] = [
  {
    id: 'T1',
    trap: 'no token is generated with max_tokens 1: the client drops the last token of an option instead',
    tests: [
      [TRAPS_TEST, 'hold the token after the context, so that an answer of one token has its score'],
      [CHOICE, 'has one more entry with max_tokens 1, and keeps a generated end token'],
      ['http/completions.begin-token.test.ts', 'keeps an end token that is generated in every list']
    ]
  },
  {
    id: 'T2',
    trap: 'echo is accepted and ignored: every option scores 0',
    tests: [
      [TRAPS_TEST, 'are never empty for a request that forgot echo: that is refused'],
      [CAPTURED, '0.4.3, which forgets echo, is told so instead of being given scores of zero']
    ]
  },
  {
    id: 'T3',
    trap: 'the server truncates prompts',
    tests: [[TRAPS_TEST, 'has the same numbers at its first positions as a shorter one: nothing was cut on the left']]
  },
  {
    id: 'T4',
    trap: 'null, NaN or -Infinity among the log-probabilities',
    tests: [
      ['completions/token-scores.test.ts', 'shows probability 0 as -9999, and nothing below'],
      ['completions/token-scores.test.ts', 'shows a value that rounding lifted above 0 as 0'],
      ['completions/evaluate.test.ts', 'fails as a whole when the model returns NaN'],
      ['completions/choice.wire.test.ts', 'throws for a non-finite number instead of writing null']
    ]
  },
  {
    id: 'T5',
    trap: 'tokens with the same text collapse into one key',
    tests: [
      [CHOICE, 'keeps the largest value among tokens with equal text, and the score of the token itself'],
      ['http/completions.begin-token.test.ts', 'keeps the largest value of bytes that read alike, so that none is taken for the most probable token']
    ]
  },
  {
    id: 'T6',
    trap: 'JavaScript objects reorder or drop keys',
    tests: [
      ['completions/choice.wire.test.ts', 'keeps the order of tokens that look like numbers'],
      ['completions/choice.wire.test.ts', 'keeps the token __proto__']
    ]
  },
  {
    id: 'T7',
    trap: 'text_offset counts something other than code points of the whole text',
    tests: [
      ['completions/spelling.test.ts', 'counts code points, not UTF-16 units and not bytes'],
      [TRAPS_TEST, 'gives all bytes of one character its own place']
    ]
  },
  {
    id: 'T8',
    trap: 'a token and its entry in top_logprobs are printed as different numbers: nothing is greedy',
    tests: [
      [TRAPS_TEST, 'is decided by equal doubles: the number of the token is the largest value when it is the most probable one, and only then'],
      ['completions/choice.wire.test.ts', 'writes doubles that parse to the same value, equal in both lists']
    ]
  },
  {
    id: 'T9',
    trap: 'the server sheds load, the client retries three times within two seconds, the run dies',
    tests: [
      ['slow/harness-load.test.ts', 'a harness with 32 connections finishes without a failed request while another client saturates the service'],
      ['interop/lm-eval-under-load.test.ts', 'lm-eval with 32 requests at a time finishes without a failed one while another client saturates the service'],
      ['http/disconnects.test.ts', 'takes all its queued work with it, and nothing of it is computed']
    ]
  },
  {
    id: 'T10',
    trap: 'the content type is not JSON',
    tests: [
      [TRAPS_TEST, 'are JSON, said to be'],
      ['http/large-bodies.test.ts', 'clients that take compressed answers get plain JSON']
    ]
  },
  {
    id: 'T11',
    trap: 'bodies above 1 MiB are rejected',
    tests: [
      [TRAPS_TEST, 'may have 5 MB'],
      ['http/large-bodies.test.ts', 'of 5 MB of nested token ids is accepted, every prompt of it is looked at, and answers are JSON']
    ]
  },
  {
    id: 'T12',
    trap: 'a BOS is added to token ids, added twice, or counted as text',
    tests: [
      ['http/completions.begin-token.test.ts', 'never adds it to ids'],
      ['http/completions.begin-token.test.ts', 'begins a text with it once, whether or not the text spells one, and leaves it out where that is asked for'],
      ['http/completions.begin-token.test.ts', 'counts offsets in the text that was sent, where the BOS takes no place']
    ]
  },
  {
    id: 'T13',
    trap: 'control tokens spelled in a text are not parsed',
    tests: [
      [TRAPS_TEST, 'that a text spells are parsed, as harnesses decode them into it'],
      ['http/tokenize.test.ts', 'makes one id of a control token that the text spells']
    ]
  },
  {
    id: 'T14',
    trap: 'an option that merges into its context has no token left',
    tests: [['interop/lm-eval-faults.test.ts', 'lm-eval takes an option without a token of its own for certain, where /v1/logprob says so']]
  },
  {
    id: 'T15',
    trap: 'the model name is required',
    tests: [[TRAPS_TEST, 'may be left out or null']]
  },
  {
    id: 'T16',
    trap: 'max_tokens 0 is rejected',
    tests: [
      [CHOICE, 'has one entry per prompt token with max_tokens 0, the first one null'],
      [CAPTURED, 'finds the score of a reference in the last tokens of its prompt'],
      [CAPTURED, '0.4.2 has the whole continuation in the entries after its context']
    ]
  },
  {
    id: 'T17',
    trap: 'logprobs 0 is treated as absent, true is not understood',
    tests: [
      [TRAPS_TEST, 'take 1 for echo, and 0, true and 20 for logprobs'],
      [CAPTURED, 'may send logprobs: true']
    ]
  },
  { id: 'T18', trap: 'sampling settings change the scores', tests: [[TRAPS_TEST, 'have no effect on any number']] },
  {
    id: 'T19',
    trap: 'the longest valid prompt is rejected, off by one token',
    tests: [['completions/encode-prompts.test.ts', "isAccepted ? 'accepts' : 'rejects'"]]
  },
  {
    id: 'T20',
    trap: 'the client assumes a longer context than the model has',
    tests: [
      ['interop/openai-node.test.ts', 'lists the models, with the length of the context'],
      ['http/tokenizer-info.test.ts', 'publishes the same length of the context as GET /v1/models and POST /tokenize']
    ]
  },
  {
    id: 'T21',
    trap: 'scores depend on the batch',
    tests: [[TRAPS_TEST, 'gives each the numbers that it has alone, within 1e-4 nats, whatever the lengths beside it']]
  },
  {
    id: 'T22',
    trap: 'a remote tokenizer costs two more requests per option',
    tests: [
      ['http/tokenizer-info.test.ts', 'that switches it off is answered 404 with the reason, and POST /tokenize as before'],
      ['e2e/tokenize.test.ts', 'texts are tokenized while the engine hangs on a forward pass, and while it restarts']
    ]
  },
  {
    id: 'T23',
    trap: 'choices come in a different order or number, or only part of a body is answered',
    tests: [
      [TRAPS_TEST, 'fails as a whole for one bad prompt, naming its index'],
      ['interop/openai-node.test.ts', 'gets a choice for every prompt of a list, in its order, with lists of equal length']
    ]
  },
  {
    id: 'T24',
    trap: 'rerankers get logarithms, a wrong order or too few documents',
    tests: [
      [RERANK, 'get numbers in (0, 1], the largest first, with the index of the request'],
      [RERANK, 'get every document when top_n is absent, null, zero, negative or too large, and else so many'],
      [RERANK, 'get an order that is not one of length']
    ]
  }
]
