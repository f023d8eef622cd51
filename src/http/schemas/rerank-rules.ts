import { MESSAGE_OPTIONS } from '../../encoding/conversation-input.ts'
import type { Schema } from './json-schema.ts'
import { allOf, anyOf, conversationRules, field, has, hasWith, lacks, not, oneForm, rule, SAFE_NAMES } from './rule-parts.ts'

const NOT_EMPTY: Schema = { minLength: 1 }

/** Without documents, which are those to rank. */
const RERANK_OPTIONS = MESSAGE_OPTIONS.filter((name) => name !== 'documents')

/** The rules of the rerank endpoints. */
export const RERANK_RULES = [
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
  rule('With documents, only their text is ranked.', anyOf(has('texts'), field('rank_fields', { items: { const: 'text' } }))),
  rule(
    'Scoring yes_no has a template and an instruction; the fields that shape the prompt of scoring log_prob exclude it.',
    anyOf(
      allOf(field('scoring', { const: 'log_prob' }), lacks('template'), field('instruction', { type: 'null' })),
      allOf(
        hasWith('scoring', { const: 'yes_no' }),
        lacks('direction', 'separator', 'normalization', 'domain_prompt', 'alpha', 'messages'),
        not(allOf(hasWith('truncate', { const: true }), hasWith('truncation_direction', { pattern: '^[Ll]eft$' })))
      )
    )
  ),
  rule('domain_prompt is for normalization dc_pmi, which needs it, and alpha for normalization alpha, which needs it.', {
    oneOf: [
      allOf(has('domain_prompt'), lacks('alpha'), field('normalization', { const: 'dc_pmi' })),
      allOf(has('alpha'), lacks('domain_prompt'), field('normalization', { const: 'alpha' })),
      allOf(lacks('alpha', 'domain_prompt'), field('normalization', not({ enum: ['alpha', 'dc_pmi'] })))
    ]
  })
]
