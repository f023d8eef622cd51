import { MESSAGE_OPTIONS } from '../../encoding/conversation-input.ts'
import { MAX_TOP_OBJECTS } from '../../logprob/request-options.ts'
import type { Schema } from './json-schema.ts'
import { LOSS_RULES } from './loss-rules.ts'
import { RERANK_RULES } from './rerank-rules.ts'
import { allOf, anyOf, conversationRules, field, has, hasWith, lacks, MESSAGE_RULES, not, oneForm, rule, SAFE_NAMES, TEXT } from './rule-parts.ts'

/**
 * Rules between the fields of request bodies, for the API description only. The code of each endpoint applies them,
 * because its messages say which field is at fault, and Ajv's say "must match exactly one schema in oneOf".
 * Schemathesis (`npm run test:api`) checks that both agree.
 */

const listOf = (items: Schema): Schema => ({ type: 'array', minItems: 1, items })
const IDS: Schema = listOf({ type: 'integer' })
const OUTPUTS = listOf({ type: ['string', 'array'] })

const ONE_OUTPUT = anyOf(TEXT, IDS, { type: 'array', maxItems: 1 })
const HAS_TEXT = anyOf(has('messages'), hasWith('x', TEXT), hasWith('y', anyOf(TEXT, { type: 'array', items: TEXT })))
/** An item that is alone in its request, so that its error is that of the request. */
const LONE_ITEM_WITH_TEXT = allOf(HAS_TEXT, hasWith('y', ONE_OUTPUT))

const FROM_NEEDS_IDS = rule('from is a position in ids.', anyOf(has('ids'), lacks('from')))
const PAIR_RULES = allOf(
  ...conversationRules(MESSAGE_OPTIONS),
  oneForm('Either x or messages, and y, or ids.', ['x', 'y'], ['messages', 'y'], ['ids']),
  FROM_NEEDS_IDS,
  rule('A list of outputs is not empty and does not mix numbers with outputs.', field('y', anyOf(TEXT, IDS, OUTPUTS)))
)

const WANTS_TOP = hasWith('top_logprobs', { minimum: 1 })
const TOP_OBJECTS = allOf(field('top_logprobs', { maximum: MAX_TOP_OBJECTS }), not(allOf(hasWith('detail', { enum: ['summary', 'words'] }), WANTS_TOP)))
const LONE_IDS = anyOf(has('ids'), hasWith('pairs', { maxItems: 1, items: has('ids') }))
const CHANGES_IDS = anyOf(hasWith('eos', { const: 'score' }), hasWith('on_overflow', { const: 'truncate_left' }))

const LOGPROB_RULES = [
  ...conversationRules(MESSAGE_OPTIONS),
  rule('With pairs, each pair has its own options of a chat template.', anyOf(lacks('pairs'), lacks(...MESSAGE_OPTIONS))),
  oneForm('x and y, messages and y, ids, or pairs.', ['x', 'y'], ['messages', 'y'], ['ids'], ['pairs']),
  FROM_NEEDS_IDS,
  rule('A list of outputs is not empty and does not mix numbers with outputs.', field('y', anyOf(TEXT, IDS, OUTPUTS))),
  rule('Each pair has either x or messages, and y.', field('pairs', { items: PAIR_RULES })),
  rule('As objects, top_logprobs needs detail tokens and is at most 20.', anyOf(hasWith('format', { const: 'arrays' }), TOP_OBJECTS)),
  rule('Words are objects.', not(allOf(hasWith('format', { const: 'arrays' }), hasWith('detail', { const: 'words' })))),
  rule('ids are scored as they are. Among several items, only the one with ids fails.', not(allOf(LONE_IDS, CHANGES_IDS))),
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
  rule('Order both needs candidates.', anyOf(has('candidates'), field('order', { const: 'given' }))),
  rule('domain_prompt is for score pmi, content_free for score contextual, which needs it.', {
    oneOf: [
      allOf(has('domain_prompt'), lacks('content_free'), field('score', { const: 'pmi' })),
      allOf(has('content_free'), lacks('domain_prompt'), field('score', { const: 'contextual' })),
      allOf(lacks('content_free', 'domain_prompt'), field('score', not({ const: 'contextual' })))
    ]
  })
]

const CHOOSE_RULES = [
  rule('top_logprobs needs detail tokens and is at most 20.', TOP_OBJECTS),
  rule(
    'One question, or a list of questions.',
    anyOf(
      allOf(
        has('questions'),
        lacks('x', 'messages', 'choices', 'score', 'domain_prompt', 'content_free', 'terminator', 'candidates', 'order', ...MESSAGE_OPTIONS)
      ),
      allOf(lacks('questions'), has('choices'), ...QUESTION_RULES)
    )
  ),
  rule('Each question is as one alone.', field('questions', { items: allOf(...QUESTION_RULES) }))
]

const PERPLEXITY_RULES = [
  oneForm('Either text or texts.', ['text'], ['texts']),
  rule(
    'stride is for strided windows and below max_length, which is at least 2.',
    anyOf(allOf(hasWith('window', { const: 'disjoint' }), lacks('stride')), allOf(field('window', { const: 'strided' }), field('max_length', { minimum: 2 })))
  )
]

const WITHOUT_OTHER_RULE = ['detokenize', 'checkHeuristics', 'checkLengthPerPerplexity', 'checkPrefixSuffixPerplexity']

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

/** The rules of each operation, by its operationId. */
export const FIELD_RULES: Readonly<Record<string, readonly Schema[]>> = {
  scoreLogprob: LOGPROB_RULES,
  choose: CHOOSE_RULES,
  scorePerplexity: PERPLEXITY_RULES,
  scoreLoss: LOSS_RULES,
  scoreCompletions: COMPLETIONS_RULES,
  scoreChatCompletions: CHAT_RULES,
  tokenize: TOKENIZE_RULES,
  ...Object.fromEntries(WITHOUT_OTHER_RULE.map((operationId) => [operationId, [SAFE_NAMES]])),
  rerank: RERANK_RULES,
  rerankV2: RERANK_RULES,
  rerankUnversioned: RERANK_RULES
}
