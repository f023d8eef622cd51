import type { Config } from '../config/options.ts'
import { sharableGraph } from '../engine/process/sharing/sharable-graph.ts'
import { ServiceError } from '../errors.ts'
import { bytesTogether } from '../memory/fit.ts'
import { predictMemory } from '../memory/predict.ts'
import type { OpenModel } from '../model/open-model.ts'
import type { PrecisionPlan } from '../model/precision/precision-plan.ts'
import { roundedGraph } from '../model/precision/rounded-graph.ts'
import { mebibytes } from '../process/mebibytes.ts'

/**
 * The predicted memory of the models of a service, added up before each is loaded: models load at the same time, so a
 * comparison after loading may come too late.
 */
export class MemoryLedger {
  readonly #limitBytes: number
  readonly #reserved: { readonly totalBytes: number }[] = []

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Throws `model_too_large` when the models so far and this one exceed the limit. */
  reserve(model: OpenModel, precision: PrecisionPlan | null, config: Config): void {
    const prediction = predictedFor(model, precision, config)
    const before = bytesTogether(this.#reserved)
    const together = bytesTogether([...this.#reserved, prediction])
    const count = this.#reserved.length
    if (together > this.#limitBytes && count > 0)
      throw new ServiceError(
        'model_too_large',
        `the model needs ${mebibytes(together - before)} of memory, but the ${count === 1 ? '1 model before it needs' : `${count} models before it need`} ` +
          `${mebibytes(before)} of the limit of ${mebibytes(this.#limitBytes)}: serve fewer models, lower --max-batch-tokens or give the service more memory`
      )
    this.#reserved.push(prediction)
  }
}

function predictedFor(model: OpenModel, precision: PrecisionPlan | null, config: Config): { readonly totalBytes: number } {
  const { graph, vocabSize, headSize, maxModelLen, slidingWindow, attentionHeads } = model
  const { graph: scoring } = sharableGraph(precision === null ? graph : roundedGraph(graph, precision), {
    packing: config.PACKING,
    prefixCacheBytes: config.PREFIX_CACHE_BYTES,
    maxAttentionBytes: config.MAX_ATTENTION_BYTES,
    slidingWindow,
    heads: attentionHeads
  })
  const limits = { maxModelLen, maxBatchTokens: config.MAX_BATCH_TOKENS, longTextTokens: config.LONG_TEXT_TOKENS }
  // Whether engines can share their weights is known after loading.
  const sharesWeights = config.REPLICAS > 1 && config.PREPARED_FOLDER !== 'off'
  return predictMemory({ scoring, vocabSize, headSize, replicas: config.REPLICAS, sharesWeights, ...limits })
}
