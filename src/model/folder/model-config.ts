import { basename } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { firstCount, type JsonObject, objectAt, readJsonObject } from './read-json.ts'
import { slidingWindowOf } from './sliding-window.ts'

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
export const DEFAULT_MAX_MODEL_LEN = 2048
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
