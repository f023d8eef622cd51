import { arrayOf, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

/** What to score instead of the words of x and y. */
export const SPANS = {
  type: 'array',
  minItems: 1,
  items: {
    title: 'TextSpan',
    type: 'object',
    description: 'Characters char_start to char_end - 1 of x or of y, counted in Unicode code points.',
    additionalProperties: false,
    required: ['part', 'char_start', 'char_end'],
    properties: {
      part: { type: 'string', enum: ['x', 'y'], description: 'The text that the offsets count in.' },
      char_start: { type: 'integer', minimum: 0, description: 'First code point.' },
      char_end: { type: 'integer', minimum: 1, description: 'One past the last code point.' }
    }
  },
  description: 'Spans to score instead of words, in the order of the text and without overlaps; needs detail words and a single output.'
} as const

export const WORDS = arrayOf(
  named(
    'WordSurprisal',
    objectOf(
      {
        part: oneOfWords(['x', 'y'], 'The text that has the word.'),
        text: string('The word, without the white space around it, or the span.'),
        char_start: integer('First code point in the text of its part.'),
        char_end: integer('One past its last code point.'),
        tokens: integer('Tokens that spell it, with the white space before it.'),
        log_prob: nullable(
          number('Sum of the log-probabilities of its tokens, in nats; null when one of them was not scored or belongs to another word as well.')
        ),
        surprisal_bits: nullable(number('-log_prob / ln 2.')),
        log_prob_corrected: nullable(
          number(
            'log_prob with the correction of Oh and Schuler (2024) and Pimentel and Meister (2024): plus log B behind the word, minus log B before it, where B is the probability that the next token begins with white space or ends the text. Null also when a boundary of the word is not at white space.'
          )
        ),
        surprisal_bits_corrected: nullable(number('-log_prob_corrected / ln 2.'))
      },
      {},
      'A word or a span with its surprisal.'
    )
  ),
  'The scored words of x and then of y, between Unicode white space, or the requested spans; with detail words only.'
)
