import { arrayOf, boolean, integer, nullable, objectOf, string } from './json-schema.ts'

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
