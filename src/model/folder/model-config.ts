import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../../errors.ts'

/** What the JSON files of a model folder say of the model. */
export interface ModelConfig {
  readonly architecture: string
  /** Most tokens a sequence may have, prefix token included. */
  readonly maxModelLen: number
  /** Where that number stands, for people. */
  readonly maxModelLenSource: string
  readonly vocabSize: number
  /** Size of one attention head; 0 when nothing says it. */
  readonly headSize: number
  /** Heads of keys and values; 0 when nothing says it. */
  readonly keyValueHeads: number
  /** Heads of queries; 0 when nothing says it. */
  readonly attentionHeads: number
  /** How many tokens, itself included, a token sees in the layers that see the fewest; null where all see everything. */
  readonly slidingWindow: number | null
  /** The graph file that onnxruntime-genai would open; null where there is no genai_config.json. */
  readonly genaiFile: string | null
}

/** Names that exporters and model authors gave the context; each holds the same thing. */
const CONTEXT_KEYS = ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'max_sequence_length', 'seq_length', 'context_length']
/**
 * Context of a model that states none, as BLOOM and some Falcons do: their positions have no bound, their training had. Longer
 * texts are refused, so that nobody gets numbers from far outside of it without having asked.
 */
const DEFAULT_MAX_MODEL_LEN = 2048
/** tokenizer_config.json holds 1e30 for "not known". */
const LARGEST_CONTEXT = 2 ** 31

/**
 * Reads config.json, genai_config.json and tokenizer_config.json. `limit` lowers the context, and may be anything where the model
 * states none; 0 is no limit. Throws `model_invalid` naming what is missing, `configuration_invalid` for a limit above the context.
 */
export function readModelConfig(folder: string, limit = 0): ModelConfig {
  const config = readJsonObject(folder, 'config.json')
  const genai = readJsonObject(folder, 'genai_config.json')
  if (config === null && genai === null)
    throw new ServiceError('model_invalid', `${basename(folder)} has neither config.json nor genai_config.json: a model folder needs one of them`)
  const model = objectAt(genai, 'model')
  const decoder = objectAt(model, 'decoder')
  if (Array.isArray(decoder.pipeline))
    throw new ServiceError('model_unsupported', `${basename(folder)}/genai_config.json splits the decoder into a pipeline of graphs; logpr runs one graph`)

  // Models of several modalities keep the text's values one level down.
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

/** GPT-BigCode and Falcon share one head of keys and values without saying so in a number. */
function keyValueHeadsOf(config: JsonObject | null, objects: readonly JsonObject[]): number {
  if (config?.multi_query === true && config.new_decoder_architecture !== true) return 1
  const attention = objects.map((object) => objectAt(object, 'attn_config'))
  return firstCount([...objects, ...attention], ['num_key_value_heads', 'num_kv_heads', 'multi_query_group_num', 'kv_n_heads'])?.value ?? 0
}

/** Names of how far back a layer sees: Mistral and most, GPT-Neo, MPT, Llama 4, onnxruntime-genai. */
const WINDOW_KEYS = ['sliding_window', 'window_size', 'sliding_window_size', 'local_window_size', 'attention_window_size', 'attention_chunk_size']

/**
 * The smallest number of tokens, itself included, that a token sees in some layer of the model; null where all layers see everything.
 * `objects` are those of config.json and genai_config.json that may say so.
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

/** A JSON object of a model folder, of which nothing is known. */
interface JsonObject {
  readonly [key: string]: unknown
}

/** The object in a file of the folder; null when there is no such file. Throws `model_invalid` when it is not a JSON object. */
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
