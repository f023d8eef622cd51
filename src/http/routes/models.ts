import type { FastifyPluginAsync } from 'fastify'
import { privateBytes } from '../../process/private-memory.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { objectOf, response, string } from '../schemas/json-schema.ts'
import { MODEL_RESPONSE, MODELS_RESPONSE } from '../schemas/models.ts'
import { availableModels, selectModel } from '../select-model.ts'
import type { ServedModel, ServedModels } from '../served-models.ts'

/** Lists the loaded models and describes one of them. */
export const modelRoutes: FastifyPluginAsync<{ models: ServedModels }> = async (app, { models }) => {
  app.get(
    '/v1/models',
    {
      schema: {
        operationId: 'listModels',
        summary: 'List the loaded models',
        description: 'Each entry says what the model is, how it runs, and what its self-test measured.',
        tags: ['Models'],
        response: { 200: response('The loaded models.', MODELS_RESPONSE), ...errorResponses(ERRORS.listing) }
      }
    },
    async () => ({ object: 'list' as const, data: availableModels(models).map(({ model }) => modelJson(model)) })
  )

  // An id may contain slashes: `org%2Fname` matches this route, `org/name` the next one.
  app.get<{ Params: { id: string } }>(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'getModel',
        summary: 'Describe one model',
        description: 'What the model is, how it runs, its files with their SHA-256, and what its self-test measured. Slashes of an id need no encoding.',
        tags: ['Models'],
        params: objectOf({ id: { ...string('The id of a model in GET /v1/models.'), examples: [models.ids[0] ?? 'logpr-tiny-en'] } }),
        response: { 200: response('The model.', MODEL_RESPONSE), ...errorResponses([...ERRORS.listing, 'model_not_found']) }
      }
    },
    async ({ params }) => modelJson(selectModel(models, params.id, 'id').model)
  )
  app.get<{ Params: { '*': string } }>('/v1/models/*', { schema: { hide: true } }, async ({ params }) =>
    modelJson(selectModel(models, params['*'], 'id').model)
  )
}

function modelJson({ info, stamp, engine, selfTest, ...model }: ServedModel): object {
  return {
    id: model.id,
    object: 'model',
    created: model.createdSeconds,
    owned_by: 'logpr',
    max_model_len: model.maxModelLen,
    vocab_size: model.vocabSize,
    prefix_token_id: model.prefixTokenId,
    architecture: model.architecture,
    revision: model.revision,
    dtype: stamp.dtype,
    dtype_choice: info.dtypeChoice,
    layout: info.layout,
    numerics: info.numerics,
    max_model_len_source: info.maxModelLenSource,
    stated_vocab_size: info.statedVocabSize,
    execution_provider: stamp.execution_provider,
    execution_provider_reason: model.executionProviderReason,
    threads: stamp.threads,
    replicas: model.replicas,
    shared_weights: engine.prepackedWeights === undefined ? null : switchJson(engine.prepackedWeights),
    files: model.files.map(({ file, sizeBytes, sha256 }) => ({ file, size_bytes: sizeBytes, sha256 })),
    graph: { nodes: engine.nodeCounts.original, scoring_nodes: engine.nodeCounts.scoring },
    causal: selfTest.causal,
    sharing: {
      packing: switchJson(engine.sharing.packing),
      prefix_cache: switchJson(engine.sharing.prefixCache),
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
    precision: precisionJson(engine.precision),
    memory: memoryJson(engine.memory),
    load_ms: engine.loadMs
  }
}

function switchJson({ isOn, reason }: ServedModel['engine']['sharing']['packing']): object {
  return { on: isOn, reason }
}

function precisionJson(precision: ServedModel['engine']['precision']): object | null {
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

function memoryJson(memory: ServedModel['engine']['memory']): object | null {
  if (memory === null) return null
  const { frontBytes: predictedFrontBytes, baseBytes, weightBytes, mappedBytes, budget, longest, totalBytes } = memory.prediction
  const frontBytes = privateBytes()
  return {
    base_bytes: baseBytes,
    front_bytes: frontBytes,
    weight_bytes: weightBytes,
    mapped_bytes: mappedBytes,
    budget_bytes: budget.bytes,
    longest_bytes: longest.bytes,
    prefix_cache_bytes: memory.prefixCacheBytes * memory.prediction.replicas,
    total_bytes: totalBytes + Math.max(0, frontBytes - predictedFrontBytes)
  }
}
