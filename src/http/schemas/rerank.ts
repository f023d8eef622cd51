import type { FromSchema } from 'json-schema-to-ts'
import { NORMALIZATIONS } from '../../rerank/normalization.ts'
import { DEFAULT_SEPARATOR, DIRECTIONS } from '../../rerank/request.ts'
import { arrayOf, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { LOGPROB_REQUEST, STAMP, USAGE } from './logprob.ts'

const LIMIT = 'Other services cut a longer text; here it is refused.'

/** The object form: Jina, Cohere, vLLM. */
const JINA_FIELDS = {
  documents: {
    type: 'array',
    description: 'The texts to rank, or objects with the field text. Asks for the answer of Jina, Cohere and vLLM. Either this or texts.',
    items: { type: ['string', 'object'], required: ['text'], properties: { text: { type: 'string' } } }
  },
  top_n: { type: ['integer', 'null'], description: 'How many of the best to give back; all when absent, null or not positive.' },
  return_documents: { type: ['boolean', 'null'], default: true, description: 'Whether each result has its document.' },
  rank_fields: { type: ['array', 'null'], items: { type: 'string' }, description: 'Only text is taken.' },
  max_tokens_per_doc: { type: ['integer', 'null'], minimum: 1, description: LIMIT },
  max_tokens_per_query: { type: ['integer', 'null'], minimum: 1, description: LIMIT },
  truncate_prompt_tokens: { type: ['integer', 'null'], minimum: -1, description: `${LIMIT} -1 is the context of the model.` },
  instruction: { type: ['string', 'null'], description: 'Refused: write it into query.' }
} as const

/** The bare list: Text Embeddings Inference. */
const TEI_FIELDS = {
  texts: {
    type: 'array',
    items: { type: 'string' },
    description: 'The texts to rank. Asks for the list of Text Embeddings Inference. Either this or documents.'
  },
  raw_scores: { type: ['boolean', 'null'], default: false, description: 'Whether score is the normalised log-probability itself.' },
  return_text: { type: ['boolean', 'null'], default: false, description: 'Whether each entry has its text.' },
  truncate: {
    type: ['boolean', 'null'],
    default: false,
    description: 'With truncation_direction left the first tokens of x are left out where x and y are too long; nothing is cut on the right.'
  },
  truncation_direction: { type: ['string', 'null'], enum: ['left', 'Left', 'right', 'Right', null], default: 'right' }
} as const

const OWN_FIELDS = {
  direction: {
    type: 'string',
    enum: DIRECTIONS,
    default: 'document_given_query',
    description: 'Whose probability is taken: that of the document after the query (answers), or of the query after the document (passages).'
  },
  normalization: {
    type: 'string',
    enum: NORMALIZATIONS,
    default: 'per_token',
    description: 'How log-probabilities of texts of different length are compared.'
  },
  domain_prompt: { type: 'string', description: 'Of dc_pmi: stands in place of x in the baseline.' },
  alpha: { type: 'number', minimum: 0, maximum: 2, description: 'Of alpha: the sum is divided by tokens^alpha.' },
  separator: {
    type: 'string',
    default: DEFAULT_SEPARATOR,
    description: 'Between the two texts. Spaces at its end begin y, the rest ends x.'
  }
} as const

/** One schema for both forms: a union would answer a wrong type with two contradicting messages. Clients send more fields than these. */
export const RERANK_REQUEST = {
  type: 'object',
  required: ['query'],
  properties: {
    model: LOGPROB_REQUEST.properties.model,
    query: { type: 'string' },
    ...JINA_FIELDS,
    ...TEI_FIELDS,
    ...OWN_FIELDS
  }
} as const

export type RerankRequestBody = FromSchema<typeof RERANK_REQUEST, { keepDefaultedPropertiesOptional: true }>

const fieldsBut = (others: object): ReadonlySet<string> => new Set(Object.keys(RERANK_REQUEST.properties).filter((field) => !(field in others)))

/** The fields that mean something in each form. */
export const RERANK_FIELDS = { jina: fieldsBut(TEI_FIELDS), tei: fieldsBut(JINA_FIELDS) } as const

const LENGTHS = objectOf({ tokens: integer(), chars: integer('Unicode code points.'), bytes: integer('UTF-8 bytes.') })
const WARNINGS = arrayOf(objectOf({ code: string(), message: string() }))
const NUMBERS = {
  log_prob: number('log Pr(y | x), nats: the sum over the tokens of y.'),
  normalized_log_prob: number('What the order goes by, nats.'),
  counts: objectOf({ x: LENGTHS, y: LENGTHS }, {}, 'Of x and y as they were scored.'),
  warnings: WARNINGS
}
const BASELINE = { baseline_log_prob: number('Of pmi and dc_pmi: log-probability of the same tokens of y without x, or after the domain prompt.') }

/** What `documents` asks for. */
const JINA_RESPONSE = objectOf(
  {
    object: { const: 'list' },
    id: string(),
    model: string(),
    results: arrayOf(
      objectOf(
        { index: integer('Position in documents.'), relevance_score: number('In (0, 1].'), ...NUMBERS },
        { ...BASELINE, document: objectOf({ text: string() }) }
      ),
      'The best first.'
    ),
    direction: string(),
    normalization: string(),
    separator: string(),
    usage: USAGE,
    meta: objectOf({ api_version: objectOf({ version: string() }), billed_units: objectOf({ search_units: integer() }) }, {}, 'As clients of Cohere read it.'),
    warnings: WARNINGS,
    stamp: STAMP
  },
  {},
  'To documents: the object of Jina, Cohere and vLLM.'
)

/** What `texts` asks for. */
const TEI_RESPONSE = arrayOf(
  objectOf(
    { index: integer('Position in texts.'), score: number('In (0, 1]; with raw_scores normalized_log_prob.'), ...NUMBERS },
    { ...BASELINE, text: string() }
  ),
  'To texts: the list of Text Embeddings Inference, the best first.'
)

export const RERANK_RESPONSE = { oneOf: [JINA_RESPONSE, TEI_RESPONSE] }

/** The error body of a request with `texts`. */
export const TEI_PROBLEM = objectOf(
  {
    error: string('The message.'),
    error_type: oneOfWords(['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Empty']),
    type: string(),
    title: string(),
    status: integer(),
    detail: string(),
    code: string(),
    request_id: string()
  },
  { param: nullable(string('The field at fault.')) },
  'RFC 9457 problem details and an error of Text Embeddings Inference in one body.'
)
