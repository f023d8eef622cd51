import { integer, named, objectOf, oneOfWords, string } from './json-schema.ts'

/** Parts that the responses of several endpoints have in common. */

const LENGTHS = named(
  'Lengths',
  objectOf({ tokens: integer('Number of tokens.'), chars: integer('Unicode code points.'), bytes: integer('UTF-8 bytes.') }, {}, 'Length of a text.')
)
export const COUNTS = named('Counts', objectOf({ x: LENGTHS, y: LENGTHS }, {}, 'Lengths of x and y as scored.'))

export const STAMP = named(
  'Stamp',
  objectOf(
    {
      model_sha256: string('SHA-256 of the files of the model.'),
      tokenizer_sha256: string('SHA-256 of the files of the tokenizer.'),
      dtype: string('Type of the weights.'),
      causal: oneOfWords(['exact', 'approximate'], 'approximate: activations are quantized over whole tensors.'),
      execution_provider: string('Execution provider of ONNX Runtime.'),
      threads: integer('Threads of the engine process.'),
      onnxruntime: string('Version of ONNX Runtime.'),
      logpr: string('Version of logpr.')
    },
    {},
    'What produced the scores. Scores with different stamps can differ in the last digits.'
  )
)

export const USAGE = named(
  'Usage',
  objectOf(
    {
      prompt_tokens: integer('Prefix tokens and tokens of the prompt.'),
      completion_tokens: integer('Tokens of the output.'),
      total_tokens: integer('prompt_tokens + completion_tokens.'),
      computed_tokens: integer('Tokens computed by the model; fewer when sequences share a prefix.'),
      cached_tokens: integer(
        'Tokens whose computation was reused: a cached prefix, or a sequence scored for an earlier or concurrent request. A prefix shared within one batch counts in neither.'
      )
    },
    {},
    'Number of tokens of the request.'
  )
)

export const RESPONSE_MODEL = string('Id of the model that computed the scores.')
