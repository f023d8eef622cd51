import { integer, named, nullable, number, objectOf, string } from './json-schema.ts'

/** Parts of every result of POST /v1/logprob. */

export const PLACE = {
  index: integer('Position in the results.'),
  id: nullable(string('id of the pair; null when it has none.')),
  candidate: integer('Position of y in the outputs of its x.')
}
/** Beside the place. */
export const LINE = { line: integer('Line of its pair in a body of JSON Lines, from 1; absent otherwise.') }

export const LOGPROB_SUMS = named(
  'LogprobSums',
  objectOf(
    {},
    {
      joint: nullable(number('log Pr([x, y]), in nats; null when tokens of x were dropped.')),
      marginal: nullable(number('log Pr(x), in nats: the probability that a text begins with x; null when tokens of x were dropped.')),
      conditional: nullable(number('log Pr(y | x), in nats.'))
    },
    'The requested sums of log-probabilities. A term that was not requested is absent.'
  )
)

/** Of an item with eos score. */
export const LOG_PROB_EOS = number('log Pr(end | x, y), in nats; included in conditional and joint. With eos score only.')

export const CAUSAL = {
  const: 'approximate',
  description: 'Activations are quantized over whole tensors, so scores are close to those of an exact pass but not equal.'
}
