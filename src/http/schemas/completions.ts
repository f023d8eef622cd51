import type { FromSchema } from 'json-schema-to-ts'
import { CHOICE_CHECKS, WARNINGS } from './check-items.ts'
import { OPEN_OBJECT } from './conversation.ts'
import { arrayOf, integer, named, nullable, number, objectOf, type Schema, string } from './json-schema.ts'
import { RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'

export const TOP_COUNT = { minimum: 0, maximum: 20 } as const
/** Scores are always those of the model at temperature 1. */
export const WITHOUT_EFFECT = { description: 'Accepted with any value, without effect on log-probabilities.' } as const

/** Fields that POST /v1/chat/completions shares. */
export const GENERATION_FIELDS = {
  n: { type: ['integer', 'null'], description: 'Must be 1 or null.' },
  best_of: { type: ['integer', 'null'], description: 'Must be 1 or null.' },
  stream: { type: ['boolean', 'null'], description: 'Must be false or null.' },
  logit_bias: { ...OPEN_OBJECT, type: ['object', 'null'], description: 'Must be empty or null.' },
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
  title: 'CompletionsRequest',
  type: 'object',
  description: 'Prompts to score. Needs at least one of echo, prompt_logprobs and max_tokens 1.',
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

const mapOf = (values: object, description: string): Schema => ({ type: 'object', description, additionalProperties: values })

const LOGPROBS = named(
  'CompletionsLogprobs',
  objectOf(
    {
      tokens: arrayOf(string(), 'Text of each token; bytes of an incomplete character appear as U+FFFD.'),
      token_logprobs: arrayOf(nullable(number()), 'In nats; null for the first token of the prompt, which has no context.'),
      top_logprobs: arrayOf(
        nullable(mapOf(number(), 'The token itself first, then the most probable ones. Of tokens with the same text, the largest value.')),
        'The most probable tokens at each position; null for the first token of the prompt.'
      ),
      text_offset: arrayOf(integer(), "Position in text, in code points, of the character with the token's first byte.")
    },
    {},
    'Four parallel lists: the tokens of the prompt (with echo), then the generated token (with max_tokens 1).'
  )
)

const PROMPT_LOGPROB = named(
  'PromptLogprob',
  objectOf(
    {
      logprob: number('In nats.'),
      rank: nullable(integer('Rank in the whole vocabulary; 1 is the most probable.')),
      decoded_token: string('Text of the token.')
    },
    {},
    "A token of the prompt, or one of the most probable tokens in its place, in vLLM's format."
  )
)

export const PROMPT_LOGPROBS = arrayOf(
  nullable(mapOf(PROMPT_LOGPROB, 'By token id: the token of the prompt first, then the most probable ones.')),
  'One entry per token of the prompt; null for the first. Present only when requested.'
)

/** Fields that the responses of both endpoints begin with. */
export const COMPLETION_HEAD = {
  id: string('Id of the response.'),
  created: integer('Unix time of the response, in seconds.'),
  model: RESPONSE_MODEL
}

/** What logpr adds to both responses. */
export const ADDITIONS = { checks: CHOICE_CHECKS, warnings: WARNINGS, stamp: STAMP }

export const FINISH_REASON = { const: 'length', description: 'Always length: logpr generates one token at most.' }

const CHOICE = named(
  'CompletionsChoice',
  objectOf(
    {
      index: integer('Position of the prompt.'),
      text: string('The prompt (with echo), then the generated token (with max_tokens 1).'),
      logprobs: nullable(LOGPROBS),
      finish_reason: FINISH_REASON
    },
    { prompt_logprobs: PROMPT_LOGPROBS },
    'The scores of one prompt.'
  )
)

export const COMPLETIONS_RESPONSE = named(
  'CompletionsResponse',
  objectOf(
    {
      object: { const: 'text_completion' },
      ...COMPLETION_HEAD,
      choices: arrayOf(CHOICE, 'One choice per prompt, in order.'),
      usage: USAGE,
      logpr: named('CompletionsAdditions', objectOf(ADDITIONS, {}, "An addition to OpenAI's format."))
    },
    {},
    "Scores in the format of OpenAI's legacy completions."
  )
)
