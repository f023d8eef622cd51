import { MESSAGE_OPTIONS } from '../../encoding/conversation-input.ts'
import { allOf, anyOf, conversationRules, field, has, hasWith, lacks, not, oneForm, rule, TEXT } from './rule-parts.ts'

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

/** Rules of POST /v1/loss; see field-rules.ts. */
export const LOSS_RULES = [
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
