import type { FromSchema } from 'json-schema-to-ts'

const TOP_COUNT = { minimum: 0, maximum: 20 } as const
/** Accepted with any value: scores are those of the model at temperature 1 whatever it says. */
const WITHOUT_EFFECT = { description: 'Accepted, without effect on any log-probability.' } as const

/** The body of POST /v1/completions. Fields that are not named here are ignored, as clients of many servers send many. */
export const COMPLETIONS_REQUEST = {
  type: 'object',
  required: ['prompt'],
  properties: {
    model: {
      type: ['string', 'null'],
      description: 'As GET /v1/models lists it. Needed where there are several; else the only one by default.'
    },
    prompt: {
      type: ['string', 'array'],
      items: { type: ['integer', 'string', 'array'], items: { type: 'integer' } },
      description: 'A text, a list of texts, a list of token ids, or a list of such lists. Ids are taken as they are.'
    },
    max_tokens: {
      type: ['integer', 'null'],
      description: '0 or 1. With 1 the most probable next token is answered too. Left out it is 0 with echo or prompt_logprobs, and else refused.'
    },
    echo: {
      type: ['boolean', 'integer', 'null'],
      minimum: 0,
      maximum: 1,
      description: 'Whether the prompt is part of the text and of logprobs; 0 and 1 are taken too.'
    },
    logprobs: {
      type: ['integer', 'boolean', 'null'],
      ...TOP_COUNT,
      description: 'How many of the most probable tokens to show at each position; 0 shows the token alone, true means 1, false and null show none.'
    },
    prompt_logprobs: { type: ['integer', 'null'], ...TOP_COUNT, description: "The same for each choice's prompt_logprobs, in the shape of vLLM." },
    add_special_tokens: {
      type: ['boolean', 'null'],
      description:
        "Whether a text gets the tokens that the tokenizer's own post-processor adds (often a BOS, never a second one). Yes by default; ids never do."
    },
    return_tokens_as_token_ids: { type: ['boolean', 'null'], description: 'Names tokens by their ids in logprobs, as token_id:464: no two share a name then.' },
    n: { type: ['integer', 'null'], description: '1.' },
    best_of: { type: ['integer', 'null'], description: '1.' },
    stream: { type: ['boolean', 'null'], description: 'false.' },
    suffix: { type: ['string', 'null'], description: 'Empty or null.' },
    logit_bias: { type: ['object', 'null'], description: 'Empty or null.' },
    temperature: WITHOUT_EFFECT,
    top_p: WITHOUT_EFFECT,
    seed: WITHOUT_EFFECT,
    stop: WITHOUT_EFFECT,
    presence_penalty: WITHOUT_EFFECT,
    frequency_penalty: WITHOUT_EFFECT,
    user: WITHOUT_EFFECT
  }
} as const

export type CompletionsRequestBody = FromSchema<typeof COMPLETIONS_REQUEST>
