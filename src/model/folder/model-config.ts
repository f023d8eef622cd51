import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../../errors.ts'

/** A model as the JSON files of its folder describe it. */
export interface ModelConfig {
  readonly architecture: string
  /** Most tokens of a sequence, including the prefix token. */
  readonly maxModelLen: number
  /** The key or option that set it, for people. */
  readonly maxModelLenSource: string
  readonly vocabSize: number
  /** Size of an attention head; 0 when not stated. */
  readonly headSize: number
  /** Heads of keys and values; 0 when not stated. */
  readonly keyValueHeads: number
  /** Heads of queries; 0 when not stated. */
  readonly attentionHeads: number
  /** How many tokens, including itself, a token sees in the most limited layer; null when all layers see everything. */
  readonly slidingWindow: number | null
  /** The graph file that genai_config.json names; null without that file. */
  readonly genaiFile: string | null
}

/** Names that exporters and model authors use for the context. */
const CONTEXT_KEYS = ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'max_sequence_length', 'seq_length', 'context_length']
/**
 * Context of a model that states none, such as BLOOM and some Falcons: their positions are unbounded, but their
 * training was not. Longer texts are rejected unless --max-model-len allows them, because scores far outside the
 * training are unreliable.
 */
const DEFAULT_MAX_MODEL_LEN = 2048
/** tokenizer_config.json holds 1e30 for an unknown context. */
const LARGEST_CONTEXT = 2 ** 31

/**
 * Reads config.json, genai_config.json and tokenizer_config.json. `limit` lowers the context, or sets it when the model
 * states none; 0 is no limit. Throws `model_invalid` naming what is missing, and `configuration_invalid` for a limit
 * above the context.
 */
export function readModelConfig(folder: string, limit = 0): ModelConfig {
  const config = readJsonObject(folder, 'config.json')
  const genai = readJsonObject(folder, 'genai_config.json')
  if (config === null && genai === null)
    throw new ServiceError('model_invalid', `${basename(folder)} has neither config.json nor genai_config.json: add one of them`)
  const model = objectAt(genai, 'model')
  const decoder = objectAt(model, 'decoder')
  if (Array.isArray(decoder.pipeline))
    throw new ServiceError('model_unsupported', `${basename(folder)}/genai_config.json splits the decoder into a pipeline of graphs; logpr runs one graph`)

  // Multimodal models keep the values of the text model one level down.
  const nested = ['text_config', 'llm_config', 'language_config'].map((key) => objectAt(config, key))
  const objects: JsonObject[] = [config ?? {}, ...nested, decoder, model]
  const count = (...keys: string[]): number => firstCount(objects, keys)?.value ?? 0
  const hiddenSize = count('hidden_size', 'n_embd', 'd_model')
  const heads = count('num_attention_heads', 'n_head', 'n_heads', 'num_heads')
  const headSize = count('head_dim', 'head_size', 'kv_channels', 'attention_head_size')
  return {
    ...contextOf(folder, objects, limit),
    architecture: architectureOf(config, model),
    vocabSize: count('vocab_size'),
    headSize: headSize || (heads === 0 ? 0 : Math.floor(hiddenSize / heads)),
    keyValueHeads: keyValueHeadsOf(config, objects) || heads,
    attentionHeads: heads,
    slidingWindow: slidingWindowOf(objects),
    genaiFile: typeof decoder.filename === 'string' ? decoder.filename : null
  }
}

function architectureOf(config: JsonObject | null, genaiModel: JsonObject): string {
  const architectures = config?.architectures
  return String((Array.isArray(architectures) ? architectures[0] : undefined) ?? config?.model_type ?? genaiModel.type ?? 'unknown')
}

function contextOf(folder: string, objects: readonly JsonObject[], limit: number): Pick<ModelConfig, 'maxModelLen' | 'maxModelLenSource'> {
  const stated = firstCount(objects, CONTEXT_KEYS)
  const tokenizer = stated === undefined ? firstCount([readJsonObject(folder, 'tokenizer_config.json') ?? {}], ['model_max_length']) : undefined
  const found = stated ?? (tokenizer !== undefined && tokenizer.value < LARGEST_CONTEXT ? tokenizer : undefined)
  if (limit > 0) {
    if (found !== undefined && limit > found.value)
      throw new ServiceError(
        'configuration_invalid',
        `--max-model-len ${limit} is above the ${found.value} tokens of ${basename(folder)} (${found.key}); it can only lower them`
      )
    return { maxModelLen: limit, maxModelLenSource: '--max-model-len' }
  }
  if (found === undefined) return { maxModelLen: DEFAULT_MAX_MODEL_LEN, maxModelLenSource: 'default: the model states no maximum; --max-model-len sets it' }
  return { maxModelLen: found.value, maxModelLenSource: found.key }
}

/** GPT-BigCode and Falcon have one head of keys and values, stated by a flag instead of a number. */
function keyValueHeadsOf(config: JsonObject | null, objects: readonly JsonObject[]): number {
  if (config?.multi_query === true && config.new_decoder_architecture !== true) return 1
  const attention = objects.map((object) => objectAt(object, 'attn_config'))
  return firstCount([...objects, ...attention], ['num_key_value_heads', 'num_kv_heads', 'multi_query_group_num', 'kv_n_heads'])?.value ?? 0
}

/** Names of the sliding window: Mistral and most others, GPT-Neo, MPT, onnxruntime-genai, Llama 4. */
const WINDOW_KEYS = ['sliding_window', 'window_size', 'sliding_window_size', 'local_window_size', 'attention_window_size', 'attention_chunk_size']

/**
 * How many tokens, including itself, a token sees in the most limited layer; null when all layers see everything.
 * `objects` are the parts of config.json and genai_config.json that may state it.
 */
export function slidingWindowOf(objects: readonly JsonObject[]): number | null {
  const windows = objects.flatMap((object) => {
    const layerTypes = object.layer_types
    const seesAll = object.use_sliding_window === false || (Array.isArray(layerTypes) && layerTypes.every((type) => type === 'full_attention'))
    const inner = [objectAt(object, 'attn_config'), objectAt(object, 'sliding_window')]
    return (seesAll ? inner : [object, ...inner]).flatMap((each) => WINDOW_KEYS.flatMap((key) => firstCount([each], [key])?.value ?? []))
  })
  return windows.length === 0 ? null : Math.min(...windows)
}

/** An unchecked JSON object. */
interface JsonObject {
  readonly [key: string]: unknown
}

/** The JSON object in a file of the folder; null without the file. Throws `model_invalid` for anything else. */
function readJsonObject(folder: string, file: string): JsonObject | null {
  if (!existsSync(join(folder, file))) return null
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    if (!isObject(value)) throw new Error('it is not a JSON object')
    return value
  } catch (error) {
    throw new ServiceError('model_invalid', `${basename(folder)}/${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}

/** The object under a key; empty when there is none. */
function objectAt(parent: JsonObject | null, key: string): JsonObject {
  const value = parent?.[key]
  return isObject(value) ? value : {}
}

/** The first of the keys that holds a positive integer, in the first of the objects that has one. */
function firstCount(objects: readonly JsonObject[], keys: readonly string[]): { readonly key: string; readonly value: number } | undefined {
  for (const object of objects) {
    for (const key of keys) {
      const value = object[key]
      if (typeof value === 'number' && Number.isInteger(value) && value > 0) return { key, value }
    }
  }
  return undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
