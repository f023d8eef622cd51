import type { FromSchema } from 'json-schema-to-ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { arrayOf, boolean, integer, named, nullable, objectOf, string } from './json-schema.ts'
import { LOGPROB_REQUEST } from './logprob.ts'

const { model } = LOGPROB_REQUEST.properties

/**
 * The body of POST /tokenize: vLLM's two forms in one schema. Other fields are ignored, because vLLM's clients send
 * more.
 */
export const TOKENIZE_REQUEST = {
  title: 'TokenizeRequest',
  type: 'object',
  description: 'A text or a conversation.',
  properties: {
    model: { ...model, type: ['string', 'null'] },
    prompt: { type: 'string', description: 'The text. A special token that it spells out becomes that token.' },
    messages: { ...MESSAGES, description: 'A conversation, rendered by the chat template of the model; instead of prompt.' },
    add_special_tokens: {
      type: 'boolean',
      description: "Whether the tokenizer's post-processor adds its tokens, such as a BOS, never a second one. For prompt only; true by default."
    },
    ...CONVERSATION_OPTIONS,
    chat_template: { type: ['string', 'null'], description: 'Rejected with messages unless null or empty: only the chat template of the model is used.' },
    return_token_strs: { type: ['boolean', 'null'], default: false, description: 'Whether the response includes token_strs.' }
  }
} as const

export const DETOKENIZE_REQUEST = {
  title: 'DetokenizeRequest',
  type: 'object',
  description: 'Token ids of one text.',
  required: ['tokens'],
  properties: {
    model: { ...model, type: ['string', 'null'] },
    tokens: { type: 'array', items: { type: 'integer' }, description: 'Token ids.' }
  }
} as const

export const TOKENIZER_INFO_QUERY = {
  type: 'object',
  properties: { model }
} as const

export type TokenizeBody = FromSchema<typeof TOKENIZE_REQUEST, { keepDefaultedPropertiesOptional: true }>
export type DetokenizeBody = FromSchema<typeof DETOKENIZE_REQUEST>
export type TokenizerInfoQuery = FromSchema<typeof TOKENIZER_INFO_QUERY>

/** vLLM's response to POST /tokenize. */
export const TOKENIZE_RESPONSE = named(
  'TokenizeResponse',
  objectOf(
    {
      count: integer('Number of tokens.'),
      max_model_len: integer('Longest sequence that can be scored, in tokens.'),
      tokens: arrayOf(integer(), 'Token ids.'),
      token_strs: nullable(arrayOf(string(), 'Each token as the vocabulary spells it; null unless requested.'))
    },
    {
      warnings: arrayOf(
        string(),
        'Where versions of transformers disagree about the tokens that add_special_tokens adds, and what the chat template ignores; absent if there is nothing.'
      )
    },
    'The token ids of a text or a conversation.'
  )
)

/** vLLM's response to POST /detokenize. */
export const DETOKENIZE_RESPONSE = named(
  'DetokenizeResponse',
  objectOf({ prompt: string('The text, with special tokens spelled out.') }, {}, 'The text of the token ids.')
)

const tokenFor = (purpose: string) => nullable(string(`The ${purpose} token as text; null when the tokenizer has none.`))

/** vLLM's response to GET /tokenizer_info, with lengths added. */
export const TOKENIZER_INFO_RESPONSE = named(
  'TokenizerInfo',
  objectOf(
    {
      model: string('Id of the model.'),
      tokenizer_class: string('tokenizer_class of tokenizer_config.json.'),
      bos_token: tokenFor('beginning-of-sequence'),
      eos_token: tokenFor('end-of-sequence'),
      pad_token: tokenFor('padding'),
      unk_token: tokenFor('unknown'),
      sep_token: tokenFor('separator'),
      cls_token: tokenFor('classification'),
      mask_token: tokenFor('mask'),
      additional_special_tokens: arrayOf(string(), 'Other special tokens.'),
      added_tokens_decoder: {
        type: 'object',
        additionalProperties: named(
          'AddedToken',
          objectOf({ content: string('Text of the token.'), special: boolean('Whether it is a special token.') }, {}, 'A token added to the vocabulary.')
        ),
        description: 'Tokens added to the vocabulary, by id.'
      },
      vocab_size: integer('Largest token id of the tokenizer plus one.'),
      model_max_length: nullable(integer('model_max_length of tokenizer_config.json.')),
      max_model_len: integer('Longest sequence that can be scored, in tokens.'),
      chat_template: nullable(string('The chat template; null when the model has none.')),
      transformers_notes: arrayOf(string(), 'Where versions of transformers give other ids than tokenizer.json; empty if they agree.')
    },
    {},
    'The tokenizer of a model. Tokens are given as text, not as ids.'
  )
)
