import { firstCount, type JsonObject, objectAt } from './read-json.ts'

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
