/** A request body that "Try it out" sends, with what it shows. */
interface Example {
  readonly summary: string
  readonly value: object
}

type Examples = Readonly<Record<string, Example>>

const CONVERSATION = [
  { role: 'user', content: 'Where did the children run?' },
  { role: 'assistant', content: 'They ran down to the river.' }
] as const
const [QUESTION, ANSWER] = CONVERSATION

const RERANK_EXAMPLES: Examples = {
  documents: {
    summary: 'Rank documents, in the format of Jina, Cohere and vLLM',
    value: { query: 'Where did the children run?', documents: ['They ran down to the river.', 'It was a cold day.'], top_n: 2 }
  },
  texts: {
    summary: 'Rank texts, in the format of Text Embeddings Inference',
    value: { query: 'Where did the children run?', texts: ['They ran down to the river.', 'It was a cold day.'], return_text: true }
  },
  messages: {
    summary: 'Rank answers to a conversation',
    value: { messages: [QUESTION], documents: ['They ran down to the river.', 'It was a cold day.'], normalization: 'per_byte' }
  }
}

const HEURISTIC_EXAMPLES: Examples = {
  prompt: { summary: 'Check a prompt', value: { prompt: 'Where did the children run?', lp_threshold: 89.79, ps_ppl_threshold: 1845.65 } }
}

/**
 * Examples of request bodies by operationId, the most frequent use first. A test sends each of them to a service with
 * the included model. None names a model, so that each also works where another one is served.
 */
export const REQUEST_EXAMPLES: Readonly<Record<string, Examples>> = {
  scoreLogprob: {
    pair: { summary: 'Score one output', value: { x: 'The children ran down to the', y: ' river.' } },
    outputs: { summary: 'Compare outputs for the same prompt', value: { x: 'The children ran down to the', y: [' river.', ' house.', ' moon.'] } },
    pairs: {
      summary: 'Score many pairs',
      value: {
        pairs: [
          { id: 'a', x: 'The children ran down to the', y: ' river.' },
          { id: 'b', x: 'The cat sat on the', y: ' mat.' }
        ]
      }
    },
    conversation: { summary: 'Score an answer to a conversation', value: { messages: [QUESTION], y: ' They ran down to the river.' } },
    tokens: { summary: 'See every token', value: { x: 'The cat sat on the', y: ' mat.', detail: 'tokens', top_logprobs: 3 } },
    ids: { summary: 'Score token ids as a teacher', value: { pairs: [{ ids: [0, 485, 2334, 886, 322], from: 2 }], format: 'arrays', top_logprobs: 8 } }
  },
  choose: {
    labels: {
      summary: 'Choose among labels',
      value: { x: 'The children ran down to the', choices: [' river.', ' house.', { name: 'town', texts: [' town.', ' village.'] }] }
    },
    scale: {
      summary: 'Judge on a scale',
      value: {
        x: 'Was it a good day? Answer:',
        choices: [
          { name: 'no', texts: [' no'], value: 0 },
          { name: 'yes', texts: [' yes', ' Yes'], value: 1 }
        ],
        content_free: ['Was it N/A? Answer:']
      }
    },
    pairwise: {
      summary: 'Judge two answers in both orders',
      value: {
        x: 'Where did the children run?\nA: {candidate_1}\nB: {candidate_2}\nThe better answer is',
        candidates: ['They ran down to the river.', 'It was a cold day.'],
        choices: [' A', ' B'],
        order: 'both'
      }
    },
    questions: {
      summary: 'Ask several questions',
      value: {
        questions: [
          { x: 'The cat sat on the', choices: [' mat', ' hat'] },
          { messages: [QUESTION], choices: ['They ran.', 'It was cold.'], score: 'per_token', terminator: 'eos' }
        ]
      }
    }
  },
  scorePerplexity: {
    text: { summary: 'One text of any length', value: { text: 'The children ran down to the river. It was a cold day.' } },
    texts: {
      summary: 'Several texts in buckets, as data curation has them',
      value: { texts: ['The children ran down to the river.', 'River the to down ran children the.'], window: 'disjoint', cutoffs: [60, 300] }
    },
    curve: {
      summary: 'Short windows, and where the text is hard',
      value: { text: 'The cat sat on the mat. The cat sat on the hat.', max_length: 8, stride: 4, detail: 'curve' }
    }
  },
  checkHeuristics: HEURISTIC_EXAMPLES,
  checkLengthPerPerplexity: HEURISTIC_EXAMPLES,
  checkPrefixSuffixPerplexity: HEURISTIC_EXAMPLES,
  scoreLoss: {
    pair: { summary: 'A prompt and its completion', value: { x: 'The children ran down to the', y: ' river.', reported_loss: 2.5 } },
    segments: {
      summary: 'Segments that are trained or masked',
      value: {
        segments: [
          { text: 'The children ran down to the', train: false },
          { text: ' river.', train: true }
        ]
      }
    },
    conversation: { summary: 'A conversation', value: { messages: CONVERSATION, train_on: ['assistant'] } },
    labels: {
      summary: 'A batch as a data collator holds it',
      value: {
        input_ids: [
          [485, 1282, 1321, 556],
          [485, 1321, 0, 0]
        ],
        labels: [
          [-100, -100, 1321, 556],
          [-100, 1321, -100, -100]
        ],
        attention_mask: [
          [1, 1, 1, 1],
          [1, 1, 0, 0]
        ]
      }
    },
    examples: {
      summary: 'Several examples, and their means',
      value: {
        examples: [
          { x: 'The children ran down to the', y: ' river.' },
          { x: 'The cat sat on the', y: ' mat.' }
        ],
        reported_loss: 2.5
      }
    }
  },
  checkLogprobs: {
    inconsistent: { summary: 'A joint above its marginal, which no model can give', value: { joint: -3.5, marginal: -5.2 } },
    consistent: { summary: 'Consistent numbers', value: { joint: -13.25, marginal: -9.75, conditional: -3.5, x_tokens: 6, y_tokens: 1 } }
  },
  scoreCompletions: {
    echo: {
      summary: 'Score a prompt, as evaluation harnesses do',
      value: { prompt: 'The children ran down to the river.', max_tokens: 0, echo: true, logprobs: 1 }
    },
    prompts: {
      summary: "Score several prompts, in vLLM's format",
      value: { prompt: ['The children ran down to the river.', 'The cat sat on the mat.'], max_tokens: 0, prompt_logprobs: 1 }
    },
    next_token: { summary: 'See the most probable next tokens', value: { prompt: 'The children ran down to the', max_tokens: 1, logprobs: 5 } }
  },
  scoreChatCompletions: {
    answer: { summary: 'Score the last message', value: { messages: CONVERSATION, max_tokens: 0, echo: true, logprobs: true } },
    next_token: { summary: 'See the most probable next tokens', value: { messages: [QUESTION], max_tokens: 1, logprobs: true, top_logprobs: 5 } }
  },
  rerank: RERANK_EXAMPLES,
  rerankV2: RERANK_EXAMPLES,
  rerankUnversioned: RERANK_EXAMPLES,
  tokenize: {
    text: { summary: 'A text', value: { prompt: 'The children ran down to the river.', return_token_strs: true } },
    conversation: { summary: 'A conversation', value: { messages: [QUESTION, ANSWER] } }
  },
  detokenize: { tokens: { summary: 'Token ids', value: { tokens: [464, 262, 11] } } }
}
