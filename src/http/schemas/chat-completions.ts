import type { FromSchema } from 'json-schema-to-ts'
import { ADDITIONS, COMPLETION_HEAD, COMPLETIONS_REQUEST, FINISH_REASON, GENERATION_FIELDS, PROMPT_LOGPROBS, TOP_COUNT, WITHOUT_EFFECT } from './completions.ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { arrayOf, integer, named, nullable, number, objectOf, string } from './json-schema.ts'
import { USAGE } from './response-parts.ts'

const { model, prompt_logprobs, return_tokens_as_token_ids } = COMPLETIONS_REQUEST.properties

/** The body of POST /v1/chat/completions. Other fields get a warning: clients send the fields of many servers. */
export const CHAT_REQUEST = {
  title: 'ChatCompletionsRequest',
  type: 'object',
  description: 'A conversation to score. Needs at least one of echo, prompt_logprobs and max_tokens 1.',
  required: ['messages'],
  properties: {
    model,
    messages: {
      ...MESSAGES,
      description:
        "The conversation. If the last message is the assistant's, it is the answer to score. Arguments of tool calls may be JSON text, as in OpenAI's format."
    },
    ...CONVERSATION_OPTIONS,
    add_generation_prompt: {
      type: ['boolean', 'null'],
      description: "Whether the rendering ends with the start of an assistant message. By default it does unless the last message is the assistant's."
    },
    continue_final_message: {
      ...CONVERSATION_OPTIONS.continue_final_message,
      description:
        "Whether the rendering stops at the end of the content of the last message, without an end token. By default it does if that message is the assistant's. A name stops at the end of that field."
    },
    reasoning_effort: { type: ['string', 'null'], description: 'The variable reasoning_effort of the chat template.' },
    echo: {
      type: ['boolean', 'null'],
      description: "Whether message and logprobs include the last message, which must be the assistant's."
    },
    logprobs: {
      type: ['boolean', 'null'],
      description: 'Whether logprobs lists the tokens of the message: of the last message with echo, and the generated one.'
    },
    top_logprobs: { type: ['integer', 'null'], ...TOP_COUNT, description: 'Number of most probable tokens at each position; needs logprobs.' },
    prompt_logprobs: { ...prompt_logprobs, description: 'Number of most probable tokens in prompt_logprobs, which lists all tokens, in the format of vLLM.' },
    max_tokens: {
      type: ['integer', 'null'],
      description: 'Tokens to generate: 0 or 1. 1 adds the most probable next token. Defaults to 0 with echo or prompt_logprobs; required otherwise.'
    },
    max_completion_tokens: { type: ['integer', 'null'], description: 'The same as max_tokens, and preferred to it.' },
    return_tokens_as_token_ids,
    chat_template: { type: ['string', 'null'], description: 'Must be empty or null: only the chat template of the model is used.' },
    add_special_tokens: { type: ['boolean', 'null'], description: 'Must be false or null: the chat template writes the special tokens.' },
    ...GENERATION_FIELDS,
    top_k: WITHOUT_EFFECT,
    min_p: WITHOUT_EFFECT,
    repetition_penalty: WITHOUT_EFFECT,
    tool_choice: WITHOUT_EFFECT,
    parallel_tool_calls: WITHOUT_EFFECT,
    stream_options: WITHOUT_EFFECT,
    metadata: WITHOUT_EFFECT,
    store: WITHOUT_EFFECT,
    service_tier: WITHOUT_EFFECT
  }
} as const

export type ChatRequestBody = FromSchema<typeof CHAT_REQUEST, { keepDefaultedPropertiesOptional: true }>

const TOKEN = {
  token: string('Text of the token; bytes of an incomplete character appear as U+FFFD.'),
  logprob: number('In nats.'),
  bytes: arrayOf(integer(), 'Bytes of the token.')
}

const CHAT_TOKEN = named(
  'ChatToken',
  objectOf(
    {
      ...TOKEN,
      top_logprobs: arrayOf(
        named('ChatTopToken', objectOf(TOKEN, {}, 'One of the most probable tokens at a position.')),
        'The most probable tokens at this position.'
      )
    },
    {},
    'A token of the message.'
  )
)

const REFUSAL = { type: 'null', description: 'Always null: logpr refuses no content.' }

const LOGPROBS = named(
  'ChatLogprobs',
  objectOf(
    {
      content: arrayOf(CHAT_TOKEN, 'The tokens that contain text of the last message (with echo), then the generated token (with max_tokens 1).'),
      refusal: REFUSAL
    },
    {},
    'Log-probabilities of the message; null unless requested.'
  )
)

const ANSWER = named(
  'ChatAnswer',
  objectOf(
    {
      start: integer('Index of the first token of the last message in the prompt.'),
      end: integer('One past its last token.'),
      log_prob: nullable(number('log Pr(tokens of the last message | tokens before them), in nats; null without logprobs.'))
    },
    {},
    'The last message; null without echo.'
  )
)

const CHOICE = named(
  'ChatChoice',
  objectOf(
    {
      index: integer('Always 0.'),
      message: named(
        'ChatMessage',
        objectOf(
          {
            role: { const: 'assistant' },
            content: string('The last message (with echo), then the generated token (with max_tokens 1).'),
            refusal: REFUSAL
          },
          {},
          'The message that was scored.'
        )
      ),
      logprobs: nullable(LOGPROBS),
      finish_reason: FINISH_REASON
    },
    {},
    'The scored message.'
  )
)

export const CHAT_RESPONSE = named(
  'ChatCompletionsResponse',
  objectOf(
    {
      object: { const: 'chat.completion' },
      ...COMPLETION_HEAD,
      choices: arrayOf(CHOICE, 'One choice.'),
      usage: USAGE,
      logpr: named('ChatAdditions', objectOf({ answer: nullable(ANSWER), ...ADDITIONS }, {}, "An addition to OpenAI's format."))
    },
    { prompt_logprobs: PROMPT_LOGPROBS },
    "Scores in the format of OpenAI's chat completions."
  )
)
