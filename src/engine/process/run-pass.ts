import { ATTENTION_BIAS } from '../../model/onnx/attention-bias.ts'
import { headRowLimits } from '../../model/onnx/head-rows.ts'
import { modelInputs } from '../../model/onnx/model-inputs.ts'
import type { HeadSizes } from '../../model/onnx/past-key-values.ts'
import { ownInputs, SCORING_OUTPUTS } from '../../model/onnx/scoring-graph.ts'
import type { Batch } from '../engine.ts'
import { feedMakers, passFeeds, type RowPlan } from './feeds.ts'
import { type InferenceSession, Tensor } from './onnxruntime.ts'
import { type Pass, plainPass } from './pass.ts'
import { type CacheArray, type CacheTensor, cacheTensorOf, elementsOf } from './prefix-cache/cache-tensor.ts'
import type { SharableGraph } from './sharing/sharable-graph.ts'

/** Outputs of a pass, before `rowScoresOf` divides them between the sequences. */
interface PassOutputs {
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly plan: RowPlan
  /** Keys and values of all P + S tokens by the name of their past input; null unless requested. */
  readonly present: ReadonlyMap<string, CacheArray> | null
  readonly runMs: number
}

/** Builds the feeds of passes over one scoring graph and runs them. */
export class PassRunner {
  /** One per cache that the graph outputs, in the order of `SharableGraph.pairs`. */
  readonly cacheTensors: readonly CacheTensor[]
  readonly #sharable: SharableGraph
  readonly #makers: ReturnType<typeof feedMakers>
  readonly #limits: ReturnType<typeof headRowLimits>
  readonly #vocabSize: number
  /** (V,); null until `setWordStarts`. */
  #wordStarts: Tensor | null = null

  constructor(sharable: SharableGraph, sizes: HeadSizes, vocabSize: number) {
    const inputs = ownInputs(sharable.graph)
    const inputsByName = new Map(modelInputs(inputs, sizes).map((input) => [input.name, input]))
    this.cacheTensors = sharable.pairs.map(({ past }) => cacheTensorOf(inputsByName.get(past)!))
    this.#sharable = sharable
    this.#makers = feedMakers(inputs, sizes)
    this.#limits = headRowLimits(vocabSize)
    this.#vocabSize = vocabSize
  }

  /** Says which tokens begin a word or end the text. */
  setWordStarts(ids: Int32Array): void {
    const mask = new Float32Array(this.#vocabSize)
    // The tokenizer may have more tokens than the model has logits.
    for (const id of ids) if (id < mask.length) mask[id] = 1
    this.#wordStarts = new Tensor('float32', mask, [mask.length])
  }

  /** Feeds of the plain pass over a batch. */
  plainFeeds(batch: Batch): Record<string, Tensor> {
    return this.#feeds(plainPass(batch.sequences), batch).feeds
  }

  async run(session: InferenceSession, pass: Pass, batch: Batch, wantsPresent = false): Promise<PassOutputs> {
    const { pairs } = this.#sharable
    const { feeds, plan } = this.#feeds(pass, batch)
    const began = performance.now()
    const outputs = await session.run(feeds, [...SCORES, ...(wantsPresent ? pairs.map(({ present }) => present) : [])])
    const runMs = performance.now() - began
    if (!wantsPresent) return { outputs, plan, present: null, runMs }
    const arrayOf = (tensor: CacheTensor, t: number): CacheArray => elementsOf(tensor, outputs[pairs[t]!.present]?.data as ArrayBufferView | undefined)
    return { outputs, plan, present: new Map(this.cacheTensors.map((tensor, t) => [tensor.past, arrayOf(tensor, t)])), runMs }
  }

  #feeds(pass: Pass, batch: Batch): ReturnType<typeof passFeeds> {
    const made = passFeeds(this.#makers, pass, batch, this.#limits, this.#wordStarts)
    if (this.#sharable.takesBias) made.feeds[ATTENTION_BIAS] = biasOf(pass)
    return made
  }
}

const SCORES = Object.values(SCORING_OUTPUTS)

/** (1, 1, S, P + S), or a single zero to broadcast when the pass adds no mask to the model's own. */
function biasOf({ bias, S, pastLength }: Pass): Tensor {
  return bias === null ? new Tensor('float32', new Float32Array(1), [1, 1, 1, 1]) : new Tensor('float32', bias, [1, 1, S, pastLength + S])
}
