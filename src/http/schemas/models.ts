import { CHECK_ITEMS } from './check-items.ts'
import { arrayOf, boolean, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

const switchOf = (description: string) => objectOf({ on: boolean(), reason: nullable(string('Why it is off; null when it is on.')) }, {}, description)

export const MODEL_RESPONSE = objectOf({
  id: string(),
  object: { const: 'model' },
  created: integer('Unix time at which the model was loaded, in seconds.'),
  owned_by: string(),
  max_model_len: integer('Longest sequence in tokens, including the prefix token.'),
  vocab_size: integer(),
  prefix_token_id: nullable(integer()),
  architecture: string(),
  revision: nullable(string('Commit of the hub repository; null for a model folder.')),
  dtype: string('Type of the weights, as the name of the graph file states it unless the graph differs.'),
  dtype_choice: string('The graph files that were found, and why this one was chosen.'),
  layout: string('Layout of the graph: genai, merged decoder, decoder with past, decoder without past, or ids only.'),
  numerics: objectOf({ weights: string(), activations: string(), logits: string() }, {}, 'Number formats of the graph; the coarsest one that occurs.'),
  max_model_len_source: string('What determined max_model_len.'),
  stated_vocab_size: nullable(integer('vocab_size of the configuration file; the LM head may be wider.')),
  execution_provider: string(),
  execution_provider_reason: string('Why this execution provider was chosen.'),
  threads: integer('Threads of each engine process.'),
  replicas: integer('Number of engine processes.'),
  shared_weights: nullable(
    objectOf({ on: boolean(), reason: nullable(string()) }, {}, 'Whether the replicas map one file of prepacked weights; null with a single replica.')
  ),
  files: arrayOf(objectOf({ file: string(), size_bytes: integer(), sha256: string() })),
  graph: objectOf({ nodes: integer(), scoring_nodes: integer() }),
  causal: oneOfWords(['exact', 'approximate'], 'approximate: activations are quantized over whole tensors, so every sequence runs alone.'),
  sharing: objectOf(
    {
      packing: switchOf('Several sequences in one packed row, with each shared prefix computed once.'),
      prefix_cache: switchOf('Keys and values of prefixes, cached between requests.'),
      longest_row_tokens: integer('Longest packed row, in tokens.'),
      attention_heads: integer('Attention heads without a fused kernel, whose scores need memory for all pairs of positions; 0 with fused attention.')
    },
    {},
    'The sharing between sequences that the graph and the self-test allow.'
  ),
  self_test: objectOf(
    {
      verdict: oneOfWords(['pass', 'warn', 'fail']),
      tolerance_nats: number('Largest accepted difference between two passes over a token, measured on this model and machine.'),
      ceiling_nats: number('Upper limit of the tolerance for the numerics of this dtype.'),
      noise: objectOf({ max_nats: number(), p999_nats: number(), tokens: integer() }, {}, 'Measured differences between passes that should agree.'),
      items: CHECK_ITEMS,
      took_ms: number()
    },
    {},
    'Result of the self-test that ran before the model became ready; docs/reference/checks.md explains each item.'
  ),
  precision: nullable(
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
  ),
  memory: nullable(
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
      'Predicted memory.'
    )
  ),
  load_ms: number()
})

export const MODELS_RESPONSE = objectOf({ object: { const: 'list' }, data: arrayOf(MODEL_RESPONSE) })
