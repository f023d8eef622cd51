import { CHECK_ITEMS, VERDICT } from './check-items.ts'
import { arrayOf, boolean, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

const SWITCH = { on: boolean('Whether it is in use.'), reason: nullable(string('Why it is off; null when it is on.')) }

const NUMERICS = named(
  'Numerics',
  objectOf(
    { weights: string('Of the weights.'), activations: string('Of the activations.'), logits: string('Of the logits.') },
    {},
    'Number formats of the graph; the coarsest one that occurs.'
  )
)

const FEATURE = named('SharingFeature', objectOf(SWITCH, {}, 'Whether sequences share computation in one way.'))

const SHARING = named(
  'Sharing',
  objectOf(
    {
      packing: FEATURE,
      prefix_cache: FEATURE,
      longest_row_tokens: integer('Longest packed row, in tokens.'),
      attention_heads: integer('Attention heads without a fused kernel, whose scores need memory for all pairs of positions; 0 with fused attention.')
    },
    {},
    'The sharing between sequences that the graph and the self-test allow: packing computes several sequences in one row, each shared prefix once; the prefix cache holds keys and values between requests.'
  )
)

const SELF_TEST = named(
  'SelfTest',
  objectOf(
    {
      verdict: VERDICT,
      tolerance_nats: number('Largest accepted difference between two passes over a token, measured on this model and machine.'),
      ceiling_nats: number('Upper limit of the tolerance for the numerics of this dtype.'),
      noise: named(
        'Noise',
        objectOf(
          {
            max_nats: number('Largest difference of a token.'),
            p999_nats: number('99.9th percentile of the differences.'),
            tokens: integer('Number of tokens compared.')
          },
          {},
          'Measured differences between passes that should agree.'
        )
      ),
      items: CHECK_ITEMS,
      took_ms: number('Duration of the self-test, in milliseconds.')
    },
    {},
    'Result of the self-test that ran before the model became ready; docs/reference/checks.md explains each item.'
  )
)

const PRECISION = named(
  'Precision',
  objectOf(
    {
      form: oneOfWords(['blocks', 'rows'], 'How this processor computes 8-bit products; docs/decisions/0016-eight-bit-rows.md.'),
      weights: integer('Number of rounded weight matrices.'),
      file_bytes: integer('Size of the rounded file in the cache folder.'),
      was_cached: boolean('Whether an earlier start had already rounded the weights.'),
      mean_difference_nats: number('Mean absolute difference per token from the original weights, on the text of the self-test.'),
      max_difference_nats: number('Largest absolute difference of a token.'),
      tokens: integer('Number of tokens compared.')
    },
    {},
    'Effect of --precision int8; null when the weights are used as they are.'
  )
)

const MEMORY = named(
  'Memory',
  objectOf(
    {
      base_bytes: integer('Memory of both processes without a model.'),
      front_bytes: integer('Measured memory of the front process, with the tokenizers of all models.'),
      weight_bytes: integer('Weights held in memory.'),
      mapped_bytes: integer('Weights mapped from files, which the system can evict.'),
      budget_bytes: integer('Largest pass within max-batch-tokens.'),
      longest_bytes: integer('Largest pass that a request can cause.'),
      prefix_cache_bytes: integer('Prefix caches when they are full, on top of total_bytes; less than configured where the memory limit leaves no more.'),
      total_bytes: integer(
        'Base and weights, plus the larger of loading and the largest pass within max-batch-tokens; with the front process as measured where that is more.'
      )
    },
    {},
    'Predicted memory; null when it was not predicted.'
  )
)

export const MODEL_RESPONSE = named(
  'Model',
  objectOf(
    {
      id: string('Id for the field model of requests.'),
      object: { const: 'model' },
      created: integer('Unix time at which the model was loaded, in seconds.'),
      owned_by: string('Always logpr.'),
      max_model_len: integer('Longest sequence in tokens, including the prefix token.'),
      vocab_size: integer('Number of tokens that the LM head scores.'),
      prefix_token_id: nullable(integer('Id of the token that precedes every text; null when the model has none.')),
      architecture: string('Architecture that config.json states.'),
      revision: nullable(string('Commit of the hub repository; null for a model folder.')),
      dtype: string('Type of the weights, as the name of the graph file states it unless the graph differs.'),
      dtype_choice: string('The graph files that were found, and why this one was chosen.'),
      layout: string('Layout of the graph: genai, merged decoder, decoder with past, decoder without past, or ids only.'),
      numerics: NUMERICS,
      max_model_len_source: string('What determined max_model_len.'),
      stated_vocab_size: nullable(integer('vocab_size of the configuration file; the LM head may be wider.')),
      execution_provider: string('Execution provider of ONNX Runtime.'),
      execution_provider_reason: string('Why this execution provider was chosen.'),
      threads: integer('Threads of each engine process.'),
      replicas: integer('Number of engine processes.'),
      shared_weights: nullable(
        named('SharedWeights', objectOf(SWITCH, {}, 'Whether the replicas map one file of prepacked weights; null with a single replica.'))
      ),
      files: arrayOf(
        named(
          'ModelFile',
          objectOf(
            { file: string('Path in the model folder.'), size_bytes: integer('Size in bytes.'), sha256: string('SHA-256 in hexadecimal.') },
            {},
            'A file of the model.'
          )
        ),
        'The files that the scores depend on.'
      ),
      graph: named(
        'Graph',
        objectOf({ nodes: integer('Nodes of the graph file.'), scoring_nodes: integer('Nodes of the graph that scores.') }, {}, 'Size of the graph.')
      ),
      causal: oneOfWords(['exact', 'approximate'], 'approximate: activations are quantized over whole tensors, so every sequence runs alone.'),
      sharing: SHARING,
      self_test: SELF_TEST,
      precision: nullable(PRECISION),
      memory: nullable(MEMORY),
      load_ms: number('Time to load the model, in milliseconds.')
    },
    {},
    'A loaded model: what it is, how it runs, and what its self-test measured.'
  )
)

export const MODELS_RESPONSE = named(
  'ModelList',
  objectOf({ object: { const: 'list' }, data: arrayOf(MODEL_RESPONSE, 'The loaded models, in the order of the configuration.') }, {}, 'The loaded models.')
)
