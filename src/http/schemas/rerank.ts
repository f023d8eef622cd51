import type { FromSchema } from 'json-schema-to-ts'
import { NORMALIZATIONS } from '../../rerank/normalization.ts'
import { DEFAULT_SEPARATOR, DIRECTIONS, SCORINGS } from '../../rerank/request.ts'
import { WARNINGS } from './check-items.ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { arrayOf, integer, named, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { LOGPROB_REQUEST } from './logprob.ts'
import { COUNTS, RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'

const { documents: _, ...CHAT_OPTIONS } = CONVERSATION_OPTIONS

const LIMIT = 'Maximum length in tokens. Other services truncate a longer text; logpr rejects it.'

/** Fields of the format of Jina, Cohere and vLLM. */
const JINA_FIELDS = {
  documents: {
    type: 'array',
    description: 'The texts to rank, or objects with the field text. Selects the format of Jina, Cohere and vLLM. Send either documents or texts.',
    items: {
      type: ['string', 'object'],
      description: 'A text, or an object that has it.',
      required: ['text'],
      properties: { text: { type: 'string', description: 'The text to rank.' } }
    }
  },
  top_n: { type: ['integer', 'null'], description: 'Number of best results to return; all when absent, null or not positive.' },
  return_documents: { type: ['boolean', 'null'], default: true, description: 'Whether each result includes its document.' },
  rank_fields: { type: ['array', 'null'], items: { type: 'string' }, description: 'Fields of each document to rank; only text is accepted.' },
  max_tokens_per_doc: { type: ['integer', 'null'], minimum: 1, description: LIMIT },
  max_tokens_per_query: { type: ['integer', 'null'], minimum: 1, description: LIMIT },
  truncate_prompt_tokens: { type: ['integer', 'null'], minimum: -1, description: `${LIMIT} -1 means the context length of the model.` }
} as const

/** Fields of the format of Text Embeddings Inference. */
const TEI_FIELDS = {
  texts: {
    type: 'array',
    items: { type: 'string' },
    description: 'The texts to rank. Selects the format of Text Embeddings Inference. Send either documents or texts.'
  },
  raw_scores: { type: ['boolean', 'null'], default: false, description: 'Whether score is normalized_log_prob instead of a number in (0, 1].' },
  return_text: { type: ['boolean', 'null'], default: false, description: 'Whether each entry includes its text.' },
  truncate: {
    type: ['boolean', 'null'],
    default: false,
    description:
      'Whether a sequence that exceeds the context length loses its first tokens of x. Needs truncation_direction left; truncation on the right is rejected.'
  },
  // Not an enum: code generators make one constant of left and Left, and fail.
  truncation_direction: { type: ['string', 'null'], pattern: '^([Ll]eft|[Rr]ight)$', default: 'right', description: 'left or right, or null for right.' }
} as const

const OWN_FIELDS = {
  scoring: {
    type: 'string',
    enum: SCORINGS,
    default: 'log_prob',
    description: 'log_prob ranks by the log-probability of a text; yes_no asks a causal reranker about each document, and ranks by log Pr(yes) - log Pr(no).'
  },
  template: {
    type: 'string',
    maxLength: 256,
    description:
      'The prompt of scoring yes_no: qwen3-reranker, bge-reranker-v2-gemma, or the name in the file of --rerank-template, which is the default if set.'
  },
  instruction: { type: ['string', 'null'], description: 'What relevant means, for the template of scoring yes_no; by default its own instruction.' },
  direction: {
    type: 'string',
    enum: DIRECTIONS,
    default: 'document_given_query',
    description: 'The conditional to rank by: of the document given the query (for answers), or of the query given the document (for passages).'
  },
  normalization: {
    type: 'string',
    enum: NORMALIZATIONS,
    description:
      'How to make log-probabilities of texts of different lengths comparable. By default pmi; per_token with query_given_document, and for models without a prefix token.'
  },
  domain_prompt: { type: 'string', description: 'The text that replaces x in the baseline; for dc_pmi only.' },
  alpha: { type: 'number', minimum: 0, maximum: 2, description: 'Exponent of the length: the sum is divided by tokens^alpha; for alpha only.' },
  separator: {
    type: 'string',
    default: DEFAULT_SEPARATOR,
    description:
      'The text between query and document. Its trailing spaces begin y; the rest ends x. With messages it is empty by default, and may only be spaces.'
  }
} as const

/**
 * One schema for both formats: a union would report a wrong type with two contradicting messages. Other fields are
 * accepted, because clients send more than these.
 */
export const RERANK_REQUEST = {
  title: 'RerankRequest',
  type: 'object',
  description: 'A query with documents, in the format of Jina, Cohere and vLLM, or with texts, in that of Text Embeddings Inference.',
  properties: {
    model: LOGPROB_REQUEST.properties.model,
    query: { type: 'string', description: 'The text that documents answer. Send either query or messages.' },
    messages: { ...MESSAGES, description: 'A conversation that the documents answer, rendered by the chat template, instead of query.' },
    ...CHAT_OPTIONS,
    ...JINA_FIELDS,
    ...TEI_FIELDS,
    ...OWN_FIELDS
  }
} as const

export type RerankRequestBody = FromSchema<typeof RERANK_REQUEST, { keepDefaultedPropertiesOptional: true }>

const fieldsBut = (others: object): ReadonlySet<string> => new Set(Object.keys(RERANK_REQUEST.properties).filter((field) => !(field in others)))

/** The fields that have an effect in each format. */
export const RERANK_FIELDS = { jina: fieldsBut(TEI_FIELDS), tei: fieldsBut(JINA_FIELDS) } as const

const NUMBERS = {
  log_prob: number('log Pr(y | x), in nats: the sum over the tokens of y. With scoring yes_no y is the label yes.'),
  normalized_log_prob: number('The value that the results are ordered by, in nats. With scoring yes_no it is log Pr(yes) - log Pr(no).'),
  counts: COUNTS,
  warnings: WARNINGS
}
const BASELINE = { baseline_log_prob: number('Log-probability of the same tokens of y without x, or after the domain prompt; for pmi and dc_pmi only.') }

const LABELS = {
  labels: named(
    'RerankLabels',
    objectOf(
      { yes: number('log Pr(yes | prompt), in nats.'), no: number('log Pr(no | prompt), in nats.'), mass: number('Pr(yes) + Pr(no).') },
      {},
      'What the labels of the template got; for scoring yes_no only.'
    )
  )
}

const RERANK_RESULT = named(
  'RerankResult',
  objectOf(
    { index: integer('Position in documents.'), relevance_score: number('Relevance in (0, 1]; larger is better.'), ...NUMBERS },
    {
      ...BASELINE,
      ...LABELS,
      document: named('RankedDocument', objectOf({ text: string('The text that was ranked.') }, {}, 'The document; with return_documents only.'))
    },
    'The rank of one document.'
  )
)

const COHERE_META = named(
  'CohereMeta',
  objectOf(
    {
      api_version: named('CohereApiVersion', objectOf({ version: string('1 or 2, as the path says.') }, {}, "Version of Cohere's API.")),
      billed_units: named('CohereBilledUnits', objectOf({ search_units: integer('1 for every 100 documents begun.') }, {}, 'Nothing is billed.'))
    },
    {},
    'Metadata that clients of Cohere expect.'
  )
)

const JINA_RESPONSE = named(
  'JinaRerankResponse',
  objectOf(
    {
      object: { const: 'list' },
      id: string('Id of the response.'),
      model: RESPONSE_MODEL,
      results: arrayOf(RERANK_RESULT, 'The best result first.'),
      scoring: oneOfWords(SCORINGS, 'What ranked the documents.'),
      usage: USAGE,
      meta: COHERE_META,
      warnings: WARNINGS,
      stamp: STAMP
    },
    {
      direction: string('The conditional that ranked the documents; for log_prob only.'),
      normalization: string('The normalization that ranked the documents; for log_prob only.'),
      separator: string('The text between query and document; for log_prob only.'),
      template: string('The name of the prompt; for yes_no only.'),
      instruction: string('The instruction in the prompt; for yes_no only.')
    },
    'Response to documents, in the format of Jina, Cohere and vLLM.'
  )
)

const TEI_RESPONSE = named(
  'TeiRerankResponse',
  arrayOf(
    named(
      'TeiRank',
      objectOf(
        { index: integer('Position in texts.'), score: number('Relevance in (0, 1]; normalized_log_prob with raw_scores.'), ...NUMBERS },
        { ...BASELINE, ...LABELS, text: string('The text that was ranked; with return_text only.') },
        'The rank of one text.'
      )
    ),
    'Response to texts, in the format of Text Embeddings Inference, the best first.'
  )
)

export const RERANK_RESPONSE = named('RerankResponse', {
  description: 'An object when the request has documents, a list when it has texts.',
  oneOf: [JINA_RESPONSE, TEI_RESPONSE]
})
