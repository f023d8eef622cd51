import type { FastifyPluginAsync } from 'fastify'
import { CHECK_ITEMS } from '../schemas/checks.ts'
import { errorResponses } from '../schemas/error.ts'
import { arrayOf, boolean, integer, nullable, number, objectOf, oneOfWords, response, string } from '../schemas/json-schema.ts'
import { availableModels, selectModel } from '../select-model.ts'
import type { ServedModel, Service } from '../served-model.ts'

const ability = (description: string) => objectOf({ on: boolean(), reason: nullable(string('Why not.')) }, {}, description)

const MODEL = objectOf({
  id: string(),
  object: { const: 'model' },
  created: integer('When this service loaded it, seconds since 1970.'),
  owned_by: string(),
  max_model_len: integer('Most tokens of a sequence, prefix token included.'),
  vocab_size: integer(),
  prefix_token_id: nullable(integer()),
  architecture: string(),
  revision: nullable(string("Commit of the hub's repository; null for a model folder.")),
  dtype: string("What the graph holds: as its file's name says, unless the graph is something else."),
  dtype_choice: string('Which graphs there were, and what decided.'),
  layout: string('genai, merged decoder, decoder with past, decoder without past or ids only.'),
  numerics: objectOf({ weights: string(), activations: string(), logits: string() }, {}, 'What the graph computes with; the coarsest that occurs.'),
  max_model_len_source: string('Where max_model_len comes from.'),
  stated_vocab_size: nullable(integer('What the configuration says; the head may be wider.')),
  execution_provider: string(),
  execution_provider_reason: string('Asked for, or why auto chose it.'),
  threads: integer('Of each engine process.'),
  replicas: integer('Engine processes that score side by side.'),
  shared_weights: nullable(
    objectOf(
      { on: boolean(), reason: nullable(string()) },
      {},
      'Whether the replicas map one prepared file of the weights, and why not; null for a single one.'
    )
  ),
  files: arrayOf(objectOf({ file: string(), size_bytes: integer(), sha256: string() })),
  graph: objectOf({ nodes: integer(), scoring_nodes: integer() }),
  causal: oneOfWords(['exact', 'approximate'], 'approximate: activations are quantized over whole tensors; every text is scored alone.'),
  sharing: objectOf(
    {
      packing: ability('Several sequences in one row, each common beginning once.'),
      prefix_cache: ability('Keys and values of beginnings kept between requests.'),
      longest_row_tokens: integer('Most tokens of a row of several sequences.'),
      attention_heads: integer('Heads whose scores of all pairs of tokens are written out; 0 for fused attention.')
    },
    {},
    'What sequences may share here, as the graph and the self-test say.'
  ),
  self_test: objectOf(
    {
      verdict: oneOfWords(['pass', 'warn', 'fail']),
      tolerance_nats: number('How far two passes over one token may differ: measured on this model and machine.'),
      ceiling_nats: number('What the numerics of the dtype allow at most.'),
      noise: objectOf({ max_nats: number(), p999_nats: number(), tokens: integer() }, {}, 'Differences between passes that have to agree.'),
      items: CHECK_ITEMS,
      took_ms: number()
    },
    {},
    'What the forward passes that preceded readiness showed; docs/reference/checks.md explains each item.'
  ),
  precision: nullable(
    objectOf(
      {
        form: oneOfWords(['blocks', 'rows'], 'How 8-bit products are computed on this processor; docs/decisions/0016-eight-bit-rows.md.'),
        weights: integer('Matrices that were rounded.'),
        file_bytes: integer('Of their file in the cache folder.'),
        was_cached: boolean('Whether an earlier start had rounded them.'),
        mean_difference_nats: number("|difference| of a token from the model with its own weights, mean over the self-test's text."),
        max_difference_nats: number('The largest.'),
        tokens: integer('Over so many.')
      },
      {},
      'What --precision int8 changed; null where the weights are those of the file.'
    )
  ),
  memory: nullable(
    objectOf(
      {
        base_bytes: integer('Both processes without a model.'),
        weight_bytes: integer('Weights in memory of their own.'),
        mapped_bytes: integer('Weights mapped from their files, which the system may drop.'),
        budget_bytes: integer('The largest pass within max-batch-tokens.'),
        longest_bytes: integer('The largest pass that any request can ask for.'),
        total_bytes: integer('Base, weights and the larger of loading and the pass of the budget.')
      },
      {},
      'What the service was predicted to need.'
    )
  ),
  load_ms: number()
})

export const modelRoutes: FastifyPluginAsync<{ service: Service }> = async (app, { service }) => {
  app.get(
    '/v1/models',
    {
      schema: {
        operationId: 'listModels',
        summary: 'The models served',
        tags: ['Models'],
        response: { 200: response('Those that can be asked now.', objectOf({ object: { const: 'list' }, data: arrayOf(MODEL) })), ...errorResponses(401, 503) }
      }
    },
    async () => ({ object: 'list' as const, data: availableModels(service).map(({ model }) => wireModel(model)) })
  )

  // An id may have slashes: `org%2Fname` arrives as one parameter, `org/name` by the route below.
  app.get<{ Params: { id: string } }>(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'getModel',
        summary: 'One model',
        tags: ['Models'],
        params: objectOf({ id: string() }),
        response: { 200: response('The model.', MODEL), ...errorResponses(401, 404, 503) }
      }
    },
    async ({ params }) => wireModel(selectModel(service, params.id, 'id').model)
  )
  app.get<{ Params: { '*': string } }>('/v1/models/*', { schema: { hide: true } }, async ({ params }) =>
    wireModel(selectModel(service, params['*'], 'id').model)
  )
}

function wireModel(model: ServedModel): object {
  const {
    id,
    replicas,
    createdSeconds,
    maxModelLen,
    vocabSize,
    prefixTokenId,
    architecture,
    revision,
    info,
    stamp,
    files,
    engine,
    executionProviderReason,
    selfTest
  } = model
  return {
    id,
    object: 'model',
    created: createdSeconds,
    owned_by: 'logpr',
    max_model_len: maxModelLen,
    vocab_size: vocabSize,
    prefix_token_id: prefixTokenId,
    architecture,
    revision,
    dtype: stamp.dtype,
    dtype_choice: info.dtypeChoice,
    layout: info.layout,
    numerics: info.numerics,
    max_model_len_source: info.maxModelLenSource,
    stated_vocab_size: info.statedVocabSize,
    execution_provider: stamp.execution_provider,
    execution_provider_reason: executionProviderReason,
    threads: stamp.threads,
    replicas,
    shared_weights: engine.prepackedWeights === undefined ? null : wireAbility(engine.prepackedWeights),
    files: files.map(({ file, sizeBytes, sha256 }) => ({ file, size_bytes: sizeBytes, sha256 })),
    graph: { nodes: engine.nodeCounts.original, scoring_nodes: engine.nodeCounts.scoring },
    causal: selfTest.causal,
    sharing: {
      packing: wireAbility(engine.sharing.packing),
      prefix_cache: wireAbility(engine.sharing.prefixCache),
      longest_row_tokens: engine.sharing.longestRow,
      attention_heads: engine.sharing.attentionHeads
    },
    self_test: {
      verdict: selfTest.verdict,
      tolerance_nats: selfTest.toleranceNats,
      ceiling_nats: selfTest.ceilingNats,
      noise: { max_nats: selfTest.noise.max, p999_nats: selfTest.noise.p999, tokens: selfTest.noise.tokens },
      items: selfTest.items,
      took_ms: selfTest.tookMs
    },
    precision: wirePrecision(engine.precision),
    memory: wireMemory(engine.memory),
    load_ms: engine.loadMs
  }
}

function wireAbility({ isOn, reason }: ServedModel['engine']['sharing']['packing']): object {
  return { on: isOn, reason }
}

function wirePrecision(precision: ServedModel['engine']['precision']): object | null {
  if (precision === undefined) return null
  const { form, weights, fileBytes, wasCached, meanDifferenceNats, maxDifferenceNats, tokens } = precision
  return {
    form,
    weights,
    file_bytes: fileBytes,
    was_cached: wasCached,
    mean_difference_nats: meanDifferenceNats,
    max_difference_nats: maxDifferenceNats,
    tokens
  }
}

function wireMemory(memory: ServedModel['engine']['memory']): object | null {
  if (memory === null) return null
  const { baseBytes, weightBytes, mappedBytes, budget, longest, totalBytes } = memory.prediction
  return {
    base_bytes: baseBytes,
    weight_bytes: weightBytes,
    mapped_bytes: mappedBytes,
    budget_bytes: budget.bytes,
    longest_bytes: longest.bytes,
    total_bytes: totalBytes
  }
}
