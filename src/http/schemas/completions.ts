import type { FromSchema } from 'json-schema-to-ts'
import { CHECK_ITEMS } from './checks.ts'
import { arrayOf, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { STAMP } from './logprob.ts'

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

const mapOf = (values: object, description: string): Readonly<Record<string, unknown>> => ({ type: 'object', description, additionalProperties: values })

const LOGPROBS = objectOf(
  {
    tokens: arrayOf(string(), 'As text; bytes of half a character read U+FFFD.'),
    token_logprobs: arrayOf(nullable(number()), 'Nats; null for the first token of the prompt, which nothing precedes.'),
    top_logprobs: arrayOf(nullable(mapOf(number(), 'The token itself first, then the most probable; of tokens that read alike the largest value.'))),
    text_offset: arrayOf(integer(), "Code point of text that holds the token's first byte.")
  },
  {},
  'Four parallel lists: P tokens of the prompt with echo, and the generated one with max_tokens 1.'
)

const PROMPT_LOGPROB = objectOf({ logprob: number(), rank: integer('1 for the most probable of the whole vocabulary.'), decoded_token: string() })

export const COMPLETIONS_RESPONSE = objectOf({
  id: string(),
  object: { const: 'text_completion' },
  created: integer('Seconds since 1970.'),
  model: string(),
  choices: arrayOf(
    objectOf(
      { index: integer(), text: string(), logprobs: nullable(LOGPROBS), finish_reason: { const: 'length' } },
      {
        prompt_logprobs: arrayOf(
          nullable(mapOf(PROMPT_LOGPROB, "By token id, the prompt's own token first on the wire, then the most probable.")),
          'One entry a token of the prompt; null for the first. Only when it was asked for.'
        )
      }
    ),
    'One a prompt, in order.'
  ),
  usage: objectOf({
    prompt_tokens: integer(),
    completion_tokens: integer(),
    total_tokens: integer(),
    computed_tokens: integer('Tokens that went through the model; fewer than prompt_tokens where prompts share them.'),
    cached_tokens: integer('Tokens whose computation was reused, as in /v1/logprob.')
  }),
  logpr: objectOf(
    {
      checks: objectOf({ verdict: oneOfWords(['pass', 'warn', 'fail']), items: CHECK_ITEMS }, {}, 'What did not pass, each with the first choice concerned.'),
      warnings: arrayOf(objectOf({ code: string(), message: string() })),
      stamp: STAMP
    },
    {},
    "Not part of OpenAI's shape."
  )
})
