import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EMBEDDED_MODEL, modelName } from '../support/models.ts'
import { GPT2_124M, type Gpt2Shape } from './gpt2-graph.ts'
import { cachedGpt2 } from './write-gpt2.ts'

/** A model for benchmarks, which the peers load too. */
export interface BenchModel {
  readonly name: string
  readonly folder: string
  /** Largest number of tokens of a text with its prefix token. */
  readonly contextTokens: number
  /** The tokenizer has the ids below this one; 0 is its control token. */
  readonly textVocabSize: number
  readonly cost: ModelCost
}

/** The matrices of a forward pass. */
export interface ModelCost {
  /** Number of weights in the matrices that every token passes through: all but embeddings and head. */
  readonly bodyWeights: number
  readonly layers: number
  /** Number of query heads times head size. */
  readonly attentionWidth: number
  readonly hidden: number
  readonly vocabSize: number
}

const BENCH_MODELS = ['gpt2', 'embedded'] as const
export type BenchModelName = (typeof BENCH_MODELS)[number]

/** The random GPT-2 of 124M parameters, or the embedded model. */
export function benchModel(name: BenchModelName): BenchModel {
  return name === 'gpt2' ? servedGpt2(gpt2Shape()) : embedded()
}

/** A random GPT-2 of this shape with the embedded model's tokenizer, so that it can be served. */
export function servedGpt2(shape: Gpt2Shape): BenchModel {
  const folder = cachedGpt2(shape)
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    if (!existsSync(join(folder, file))) copyFileSync(join(EMBEDDED_MODEL, file), join(folder, file))
  }
  const { layers, hidden, vocab: vocabSize, positions } = shape
  // Attention 4 H², MLP 8 H².
  const cost = { bodyWeights: 12 * hidden ** 2 * layers, layers, attentionWidth: hidden, hidden, vocabSize }
  return { name: modelName(folder), folder, contextTokens: positions, textVocabSize: Math.min(vocabSize, embedded().textVocabSize), cost }
}

function embedded(): BenchModel {
  const config = JSON.parse(readFileSync(join(EMBEDDED_MODEL, 'config.json'), 'utf8')) as LlamaConfig
  const { hidden_size: hidden, num_hidden_layers: layers, head_dim: headSize, vocab_size: vocabSize } = config
  const attentionWidth = config.num_attention_heads * headSize
  const attention = 2 * hidden * attentionWidth + 2 * hidden * config.num_key_value_heads * headSize
  const cost = { bodyWeights: layers * (attention + 3 * hidden * config.intermediate_size), layers, attentionWidth, hidden, vocabSize }
  return { name: modelName(EMBEDDED_MODEL), folder: EMBEDDED_MODEL, contextTokens: config.max_position_embeddings, textVocabSize: vocabSize, cost }
}

interface LlamaConfig {
  readonly hidden_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly head_dim: number
  readonly intermediate_size: number
  readonly vocab_size: number
  readonly max_position_embeddings: number
}

/** LOGPR_BENCH_GPT2=layers,hidden,heads,vocab,positions replaces the 124M model, to try a benchmark in seconds. */
function gpt2Shape(): Gpt2Shape {
  const sizes = process.env.LOGPR_BENCH_GPT2?.split(',').map(Number)
  if (sizes === undefined) return GPT2_124M
  const [layers, hidden, heads, vocab, positions] = sizes
  if (sizes.length !== 5 || sizes.some((size) => !(size > 0))) throw new Error('LOGPR_BENCH_GPT2 is layers,hidden,heads,vocab,positions')
  return { layers: layers!, hidden: hidden!, heads: heads!, vocab: vocab!, positions: positions! }
}
