import { arrayOf, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { STAMP, USAGE } from './logprob-response.ts'

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
export const JINA_RESPONSE = objectOf(
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
export const TEI_RESPONSE = arrayOf(
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
