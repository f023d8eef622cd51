import { MESSAGE_OPTIONS } from '../../encoding/conversation-input.ts'
import type { Schema } from './json-schema.ts'
import {
  allOf,
  anyOf,
  conversationRules,
  field,
  has,
  hasWith,
  IDS,
  LONE_ITEM_WITH_TEXT,
  lacks,
  listOf,
  MESSAGE_RULES,
  not,
  OUTPUTS,
  oneForm,
  rule,
  TEXT
} from './rule-parts.ts'

/**
 * Rules between the fields of request bodies, for the API description only. The code of each endpoint applies them,
 * because its messages say which field is at fault, and Ajv's say "must match exactly one schema in oneOf".
 * Schemathesis (`npm run test:api`) checks that both agree.
 */

const PAIR_RULES = allOf(
  ...conversationRules(MESSAGE_OPTIONS),
  oneForm('Either x or messages, and y.', ['x', 'y'], ['messages', 'y']),
  rule('A list of outputs is not empty and does not mix numbers with outputs.', field('y', anyOf(TEXT, IDS, OUTPUTS)))
)

const LOGPROB_RULES = [
  ...conversationRules(MESSAGE_OPTIONS),
  rule('With pairs, each pair has its own options of a chat template.', anyOf(lacks('pairs'), lacks(...MESSAGE_OPTIONS))),
  oneForm('x and y, messages and y, or pairs.', ['x', 'y'], ['messages', 'y'], ['pairs']),
  rule('A list of outputs is not empty and does not mix numbers with outputs.', field('y', anyOf(TEXT, IDS, OUTPUTS))),
  rule('Each pair has either x or messages, and y.', field('pairs', { items: PAIR_RULES })),
  rule('top_logprobs excludes detail summary.', not(allOf(hasWith('detail', { const: 'summary' }), hasWith('top_logprobs', { minimum: 1 })))),
  rule(
    'With boundary tokens, x and y are token ids. Among several items, only the one with a text fails.',
    not(
      allOf(
        hasWith('boundary', { const: 'tokens' }),
        anyOf(allOf(lacks('pairs'), LONE_ITEM_WITH_TEXT), hasWith('pairs', { maxItems: 1, items: LONE_ITEM_WITH_TEXT }))
      )
    )
  )
]

const NO_EMPTY_CHOICE = field('choices', {
  items: anyOf({ type: 'string', minLength: 1 }, allOf({ type: 'object' }, field('texts', { items: { minLength: 1 } })))
})

const QUESTION_RULES = [
  ...conversationRules(MESSAGE_OPTIONS),
  oneForm('Either x or messages.', ['x'], ['messages']),
  rule('No text of a choice is empty.', NO_EMPTY_CHOICE),
  rule('domain_prompt is for score pmi, content_free for score contextual, which needs it.', {
    oneOf: [
      allOf(has('domain_prompt'), lacks('content_free'), field('score', { const: 'pmi' })),
      allOf(has('content_free'), lacks('domain_prompt'), field('score', { const: 'contextual' })),
      allOf(lacks('content_free', 'domain_prompt'), field('score', not({ const: 'contextual' })))
    ]
  })
]

const CHOOSE_RULES = [
  rule(
    'One question, or a list of questions.',
    anyOf(
      allOf(has('questions'), lacks('x', 'messages', 'choices', 'score', 'domain_prompt', 'content_free', 'terminator', ...MESSAGE_OPTIONS)),
      allOf(lacks('questions'), has('choices'), ...QUESTION_RULES)
    )
  ),
  rule('Each question is as one alone.', field('questions', { items: allOf(...QUESTION_RULES) }))
]

const COLLATED = ['input_ids', 'labels', 'attention_mask'] as const
/** The fields of one example. */
const LOSS_FIELDS = [
  ...['x', 'y', 'segments', 'messages', 'train_on', 'mask', 'eos', 'prompt_loss_weight', 'boundary', 'prefix_token', 'parse_special_tokens'],
  ...COLLATED,
  ...MESSAGE_OPTIONS
]

const LOSS_EXAMPLE_RULES = [
  ...conversationRules(MESSAGE_OPTIONS),
  oneForm('x and y, segments, messages, or input_ids and labels.', ['x', 'y'], ['segments'], ['messages'], ['input_ids', 'labels']),
  rule('attention_mask, input_ids and labels belong together.', anyOf(lacks('attention_mask'), has('input_ids'))),
  rule('input_ids are complete.', anyOf(lacks('input_ids'), lacks('eos', 'prefix_token', 'parse_special_tokens'))),
  rule('train_on is for messages.', anyOf(lacks('train_on'), has('messages'))),
  rule(
    'With mask generation, the chat template alone decides what is trained.',
    anyOf(
      field('mask', not({ const: 'generation' })),
      allOf(has('messages'), lacks('train_on', 'eos'), field('continue_final_message', { enum: [false, null, ''] }))
    )
  ),
  rule('boundary is for x and y.', anyOf(lacks('boundary'), has('x'))),
  rule('parse_special_tokens is not for messages.', not(allOf(has('messages'), hasWith('parse_special_tokens', { const: true })))),
  rule('With boundary tokens, x and y are token ids.', not(allOf(hasWith('boundary', { const: 'tokens' }), anyOf(hasWith('x', TEXT), hasWith('y', TEXT)))))
]

const LOSS_RULES = [
  rule(
    'One example, the rows of a batch, or a list of examples.',
    anyOf(allOf(has('examples'), lacks(...LOSS_FIELDS)), allOf(lacks('examples'), ...LOSS_EXAMPLE_RULES))
  ),
  rule(
    'input_ids, labels and attention_mask are all one row, or all lists of rows.',
    anyOf(
      allOf(lacks('detail'), ...COLLATED.map((name) => field(name, { items: { type: 'integer' } }))),
      ...[has('examples'), has('input_ids')].map((form) => allOf(form, ...COLLATED.map((name) => field(name, { items: { type: 'array', minItems: 1 } }))))
    )
  ),
  rule('Each example is as one alone.', field('examples', { items: allOf(...LOSS_EXAMPLE_RULES) }))
]

/** Bodies that may have any other field refuse one name, at any depth. */
const SAFE_NAMES = rule('__proto__ is not a field name.', { propertyNames: not({ const: '__proto__' }) })

const GENERATION_RULES = rule('logpr generates no text.', {
  properties: {
    n: { enum: [1, null] },
    best_of: { enum: [1, null] },
    stream: { enum: [false, null] },
    suffix: { enum: ['', null] },
    logit_bias: { maxProperties: 0 },
    truncate_prompt_tokens: { type: 'null' },
    prompt_embeds: { type: 'null' }
  }
})

const COMPLETIONS_RULES = [
  SAFE_NAMES,
  rule('A text, token ids, or a list of either; no list is empty.', field('prompt', anyOf(TEXT, IDS, listOf(TEXT), listOf({ type: 'array', minItems: 1 })))),
  GENERATION_RULES,
  rule('logpr adds one token at most.', field('max_tokens', { enum: [0, 1, null] })),
  rule(
    'The response has at least one of: the prompt (echo), its log-probabilities (prompt_logprobs), the next token (max_tokens 1).',
    anyOf(hasWith('max_tokens', { const: 1 }), hasWith('echo', { enum: [true, 1] }), hasWith('prompt_logprobs', { type: 'integer' }))
  )
]

const CHAT_RULES = [
  SAFE_NAMES,
  ...MESSAGE_RULES,
  GENERATION_RULES,
  rule('logpr adds one token at most.', { properties: { max_tokens: { enum: [0, 1, null] }, max_completion_tokens: { enum: [0, 1, null] } } }),
  rule(
    'The response has at least one of: the last message (echo), the log-probabilities of all tokens (prompt_logprobs), the next token (max_tokens 1).',
    anyOf(
      hasWith('max_completion_tokens', { const: 1 }),
      allOf(hasWith('max_tokens', { const: 1 }), field('max_completion_tokens', { type: 'null' })),
      hasWith('echo', { const: true }),
      hasWith('prompt_logprobs', { type: 'integer' })
    )
  ),
  rule('top_logprobs needs logprobs.', anyOf(hasWith('logprobs', { const: true }), field('top_logprobs', { enum: [0, null] }))),
  rule('Only the chat template of the model renders messages, and it adds the special tokens.', {
    properties: { chat_template: { maxLength: 0 }, add_special_tokens: { enum: [false, null] }, functions: { type: 'null' } }
  }),
  rule(
    'A call of an assistant names its function.',
    field('messages', {
      items: anyOf(field('role', not({ const: 'assistant' })), field('tool_calls', { items: hasWith('function', { type: 'object' }) }))
    })
  )
]

const TOKENIZE_RULES = [
  SAFE_NAMES,
  oneForm('Either prompt or messages.', ['prompt'], ['messages']),
  ...MESSAGE_RULES.map((each) => anyOf(has('prompt'), each)),
  rule(
    'Only the chat template of the model renders messages, and it adds the special tokens.',
    anyOf(has('prompt'), {
      properties: {
        add_special_tokens: { const: false },
        chat_template: { maxLength: 0 }
      }
    })
  )
]

const NOT_EMPTY: Schema = { minLength: 1 }

/** Without documents, which are those to rank. */
const RERANK_OPTIONS = MESSAGE_OPTIONS.filter((name) => name !== 'documents')

const RERANK_RULES = [
  SAFE_NAMES,
  ...conversationRules(RERANK_OPTIONS),
  oneForm('Either query or messages.', ['query'], ['messages']),
  rule(
    'Messages are the prompt, which the chat template ends.',
    anyOf(has('query'), { properties: { direction: { const: 'document_given_query' }, separator: { pattern: '^ *$' } } })
  ),
  oneForm('Either documents or texts.', ['documents'], ['texts']),
  rule('No text and no list of texts is empty.', {
    properties: {
      query: NOT_EMPTY,
      texts: { minItems: 1, items: NOT_EMPTY },
      documents: { minItems: 1, items: { ...NOT_EMPTY, ...field('text', NOT_EMPTY) } },
      domain_prompt: NOT_EMPTY
    }
  }),
  rule('With documents, only their text is ranked, and query holds the instruction.', {
    anyOf: [has('texts'), { properties: { rank_fields: { items: { const: 'text' } }, instruction: { type: 'null' } } }]
  }),
  rule('domain_prompt is for normalization dc_pmi, which needs it, and alpha for normalization alpha, which needs it.', {
    oneOf: [
      allOf(has('domain_prompt'), lacks('alpha'), field('normalization', { const: 'dc_pmi' })),
      allOf(has('alpha'), lacks('domain_prompt'), field('normalization', { const: 'alpha' })),
      allOf(lacks('alpha', 'domain_prompt'), field('normalization', not({ enum: ['alpha', 'dc_pmi'] })))
    ]
  })
]

/** The rules of each operation, by its operationId. */
export const FIELD_RULES: Readonly<Record<string, readonly Schema[]>> = {
  scoreLogprob: LOGPROB_RULES,
  choose: CHOOSE_RULES,
  scoreLoss: LOSS_RULES,
  scoreCompletions: COMPLETIONS_RULES,
  scoreChatCompletions: CHAT_RULES,
  tokenize: TOKENIZE_RULES,
  detokenize: [SAFE_NAMES],
  rerank: RERANK_RULES,
  rerankV2: RERANK_RULES,
  rerankUnversioned: RERANK_RULES
}
