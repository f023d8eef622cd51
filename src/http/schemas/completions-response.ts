import { CHECK_ITEMS } from './checks.ts'
import { arrayOf, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { STAMP } from './logprob-response.ts'

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
