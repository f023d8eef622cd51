import type { FromSchema } from 'json-schema-to-ts'
import { arrayOf, boolean, integer, nullable, objectOf, string } from './json-schema.ts'
import { LOGPROB_REQUEST, MESSAGES } from './logprob.ts'

const { model } = LOGPROB_REQUEST.properties

const UNSUPPORTED = { description: 'Refused in messages unless it is null, false or empty: the conversation is rendered by the own template alone.' } as const

/** The body of POST /tokenize: vLLM's two forms in one schema. Fields that are not named are ignored, as vLLM's own clients send more. */
export const TOKENIZE_REQUEST = {
  type: 'object',
  properties: {
    model: { ...model, type: ['string', 'null'] },
    prompt: { type: 'string', description: 'The text. A control token that it spells becomes that token.' },
    messages: { ...MESSAGES, description: 'In place of prompt: a conversation in the chat template of the model.' },
    add_special_tokens: {
      type: 'boolean',
      description: "Whether the tokenizer's post-processor adds its tokens, such as BOS; never a second BOS. True by default for prompt, false for messages."
    },
    add_generation_prompt: { type: 'boolean', default: true, description: 'For messages: whether the beginning of an answer is put at the end.' },
    continue_final_message: { ...UNSUPPORTED, type: ['boolean', 'null'] },
    chat_template: { ...UNSUPPORTED, type: ['string', 'null'] },
    chat_template_kwargs: { ...UNSUPPORTED, type: ['object', 'null'] },
    tools: { ...UNSUPPORTED, type: ['array', 'null'] },
    return_token_strs: { type: ['boolean', 'null'], default: false, description: 'Whether token_strs is wanted.' }
  }
} as const

/** The body of POST /detokenize. */
export const DETOKENIZE_REQUEST = {
  type: 'object',
  required: ['tokens'],
  properties: {
    model: { ...model, type: ['string', 'null'] },
    tokens: { type: 'array', items: { type: 'integer' }, description: 'Token ids.' }
  }
} as const

/** The query of GET /tokenizer_info. */
export const TOKENIZER_INFO_QUERY = {
  type: 'object',
  properties: { model }
} as const

export type TokenizeBody = FromSchema<typeof TOKENIZE_REQUEST, { keepDefaultedPropertiesOptional: true }>
export type DetokenizeBody = FromSchema<typeof DETOKENIZE_REQUEST>
export type TokenizerInfoQuery = FromSchema<typeof TOKENIZER_INFO_QUERY>

const TOKEN = nullable(string())

/** The answer of POST /tokenize, as vLLM has it. */
export const TOKENIZE_RESPONSE = objectOf({
  count: integer('How many tokens.'),
  max_model_len: integer('Most tokens of a sequence that can be scored.'),
  tokens: arrayOf(integer(), 'Token ids.'),
  token_strs: nullable(arrayOf(string(), "The vocabulary's spelling of each token; null unless asked for."))
})

/** The answer of POST /detokenize, as vLLM has it. */
export const DETOKENIZE_RESPONSE = objectOf({ prompt: string('The text; control tokens are spelled out.') })

/** The answer of GET /tokenizer_info: vLLM's fields, and what is known of the model's length. */
export const TOKENIZER_INFO_RESPONSE = objectOf(
  {
    model: string(),
    tokenizer_class: string('As tokenizer_config.json names it.'),
    bos_token: TOKEN,
    eos_token: TOKEN,
    pad_token: TOKEN,
    unk_token: TOKEN,
    sep_token: TOKEN,
    cls_token: TOKEN,
    mask_token: TOKEN,
    additional_special_tokens: arrayOf(string()),
    added_tokens_decoder: {
      type: 'object',
      additionalProperties: objectOf({ content: string(), special: boolean('Whether it is a control token.') }),
      description: 'Tokens that stand beside the vocabulary, by their ids.'
    },
    vocab_size: integer('One more than the largest id of the tokenizer.'),
    model_max_length: nullable(integer('As tokenizer_config.json states it.')),
    max_model_len: integer('Most tokens of a sequence that can be scored.'),
    chat_template: nullable(string())
  },
  {},
  'Tokens are spelled, never ids; null where the tokenizer has none.'
)
