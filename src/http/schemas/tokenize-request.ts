import type { FromSchema } from 'json-schema-to-ts'
import { LOGPROB_REQUEST, MESSAGES } from './logprob-request.ts'

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
