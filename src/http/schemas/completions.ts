import type { FromSchema } from 'json-schema-to-ts'
import { CHECK_ITEMS } from './check-items.ts'
import { arrayOf, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { STAMP } from './logprob.ts'

export const TOP_COUNT = { minimum: 0, maximum: 20 } as const
/** Scores are always those of the model at temperature 1. */
export const WITHOUT_EFFECT = { description: 'Accepted with any value, without effect on log-probabilities.' } as const

/** Fields that POST /v1/chat/completions shares. */
export const GENERATION_FIELDS = {
  n: { type: ['integer', 'null'], description: 'Must be 1 or null.' },
  best_of: { type: ['integer', 'null'], description: 'Must be 1 or null.' },
  stream: { type: ['boolean', 'null'], description: 'Must be false or null.' },
  logit_bias: { type: ['object', 'null'], description: 'Must be empty or null.' },
  temperature: WITHOUT_EFFECT,
  top_p: WITHOUT_EFFECT,
  seed: WITHOUT_EFFECT,
  stop: WITHOUT_EFFECT,
  presence_penalty: WITHOUT_EFFECT,
  frequency_penalty: WITHOUT_EFFECT,
  user: WITHOUT_EFFECT
} as const

/** The body of POST /v1/completions. Other fields are ignored, because clients send the fields of many servers. */
export const COMPLETIONS_REQUEST = {
  type: 'object',
  required: ['prompt'],
  properties: {
    model: {
      type: ['string', 'null'],
      description: 'The id of a model in GET /v1/models. Required when several models are served.'
    },
    prompt: {
      type: ['string', 'array'],
      items: { type: ['integer', 'string', 'array'], items: { type: 'integer' } },
      description: 'A text, a list of texts, a list of token ids, or a list of lists of token ids. Token ids are scored unchanged.'
    },
    max_tokens: {
      type: ['integer', 'null'],
      description: 'Tokens to generate: 0 or 1. 1 adds the most probable next token. Defaults to 0 with echo or prompt_logprobs; required otherwise.'
    },
    echo: {
      type: ['boolean', 'integer', 'null'],
      minimum: 0,
      maximum: 1,
      description: 'Whether text and logprobs include the prompt; 0 and 1 are accepted too.'
    },
    logprobs: {
      type: ['integer', 'boolean', 'null'],
      ...TOP_COUNT,
      description: 'Number of most probable tokens at each position. 0 gives the token itself only, true means 1, false and null omit logprobs.'
    },
    prompt_logprobs: {
      type: ['integer', 'null'],
      ...TOP_COUNT,
      description: "Number of most probable tokens in each choice's prompt_logprobs, in vLLM's format."
    },
    add_special_tokens: {
      type: ['boolean', 'null'],
      description:
        "Whether the tokenizer's post-processor adds its tokens to a text: often a BOS, never a second one. Defaults to true. Never applies to token ids."
    },
    return_tokens_as_token_ids: {
      type: ['boolean', 'null'],
      description: 'Whether logprobs names tokens by id, such as token_id:464, so that no two tokens share a name.'
    },
    suffix: { type: ['string', 'null'], description: 'Must be empty or null.' },
    ...GENERATION_FIELDS
  }
} as const

export type CompletionsRequestBody = FromSchema<typeof COMPLETIONS_REQUEST>

const mapOf = (values: object, description: string): Readonly<Record<string, unknown>> => ({ type: 'object', description, additionalProperties: values })

const LOGPROBS = objectOf(
  {
    tokens: arrayOf(string(), 'Text of each token; bytes of an incomplete character appear as U+FFFD.'),
    token_logprobs: arrayOf(nullable(number()), 'In nats; null for the first token of the prompt, which has no context.'),
    top_logprobs: arrayOf(nullable(mapOf(number(), 'The token itself first, then the most probable ones. Of tokens with the same text, the largest value.'))),
    text_offset: arrayOf(integer(), "Position in text, in code points, of the character with the token's first byte.")
  },
  {},
  'Four parallel lists: the tokens of the prompt (with echo), then the generated token (with max_tokens 1).'
)

const PROMPT_LOGPROB = objectOf({ logprob: number(), rank: integer('Rank in the whole vocabulary; 1 is the most probable.'), decoded_token: string() })

export const PROMPT_LOGPROBS = arrayOf(
  nullable(mapOf(PROMPT_LOGPROB, 'By token id: the token of the prompt first, then the most probable ones.')),
  'One entry per token of the prompt; null for the first. Present only when requested.'
)

export const COMPLETIONS_USAGE = objectOf({
  prompt_tokens: integer(),
  completion_tokens: integer(),
  total_tokens: integer(),
  computed_tokens: integer('Tokens computed by the model; fewer than prompt_tokens when prompts share a prefix.'),
  cached_tokens: integer('Tokens whose computation was reused, as in POST /v1/logprob.')
})

export const COMPLETIONS_CHECKS = objectOf(
  { verdict: oneOfWords(['pass', 'warn', 'fail']), items: CHECK_ITEMS },
  {},
  'The checks that did not pass, each for the first choice that it concerns.'
)

export const COMPLETIONS_RESPONSE = objectOf({
  id: string(),
  object: { const: 'text_completion' },
  created: integer('Unix time of the response, in seconds.'),
  model: string(),
  choices: arrayOf(
    objectOf(
      { index: integer(), text: string(), logprobs: nullable(LOGPROBS), finish_reason: { const: 'length' } },
      {
        prompt_logprobs: PROMPT_LOGPROBS
      }
    ),
    'One choice per prompt, in order.'
  ),
  usage: COMPLETIONS_USAGE,
  logpr: objectOf(
    {
      checks: COMPLETIONS_CHECKS,
      warnings: arrayOf(objectOf({ code: string(), message: string() })),
      stamp: STAMP
    },
    {},
    "An addition to OpenAI's format."
  )
})
