/** The fields of a request that describe a conversation. */

/** With any fields. Generators of clients take an object without `additionalProperties` for an empty one. */
export const OPEN_OBJECT = { type: 'object', additionalProperties: true } as const

const PARTS = {
  title: 'TextPart',
  type: 'object',
  description: 'A text part. Other parts are rejected, because only text can be scored.',
  properties: { type: { type: 'string', description: 'text' }, text: { type: 'string', description: 'The text of this part.' } }
} as const

export const MESSAGES = {
  type: 'array',
  minItems: 1,
  description: 'A conversation that replaces x, rendered by the chat template of the model, with a generation prompt by default.',
  items: {
    title: 'Message',
    ...OPEN_OBJECT,
    required: ['role'],
    description: 'A message. Further fields reach the chat template too; those that it never reads get a warning.',
    properties: {
      role: { type: 'string', description: 'A role of the chat template, such as system, user, assistant or tool.' },
      content: { type: ['string', 'array', 'null'], items: PARTS, description: 'A text, or text parts. As in transformers 5, null is the same as no content.' },
      reasoning_content: {
        type: ['string', 'null'],
        description: 'The thinking of an assistant, where the chat template reads it. reasoning and thinking mean the same.'
      },
      tool_calls: {
        type: ['array', 'null'],
        items: OPEN_OBJECT,
        description: 'The calls of an assistant, in the format that the chat template reads: often {"type": "function", "function": {"name", "arguments"}}.'
      },
      tool_call_id: { type: ['string', 'null'], description: 'The call that a message of a tool answers.' },
      name: { type: ['string', 'null'], description: 'The name of a speaker or tool.' }
    }
  }
} as const

/** Arguments of transformers' `apply_chat_template`; for messages only. */
export const CONVERSATION_OPTIONS = {
  add_generation_prompt: {
    type: ['boolean', 'null'],
    description: 'Whether the rendered conversation ends with the start of an assistant message. True by default, unless continue_final_message is set.'
  },
  continue_final_message: {
    type: ['boolean', 'string', 'null'],
    description:
      'Whether the rendering stops inside the last message, at the end of its content, without an end token. A name, such as reasoning_content, stops at the end of that field. Excludes add_generation_prompt.'
  },
  tools: {
    type: ['array', 'null'],
    items: OPEN_OBJECT,
    description: 'Tools for the chat template, as JSON schemas of functions. A list, even an empty one, selects the template tool_use if the model has one.'
  },
  documents: { type: ['array', 'null'], items: OPEN_OBJECT, description: 'Documents for the chat template, often with title and text.' },
  chat_template_kwargs: {
    ...OPEN_OBJECT,
    type: ['object', 'null'],
    description: 'Further variables of the chat template, such as enable_thinking or reasoning_effort.'
  }
} as const
