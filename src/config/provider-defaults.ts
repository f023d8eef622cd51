import type { Config, OptionName } from './options.ts'

/**
 * Defaults on a GPU; not measured. MAX_BATCH_TOKENS is half of the 16,384 tokens that text-embeddings-inference uses,
 * because a language model also computes logits. With LONG_TEXT_TOKENS the attention scores of a full batch take about
 * 2 GB in an unfused graph with 16 heads.
 */
const CUDA_DEFAULTS = { MAX_BATCH_TOKENS: 8192, LONG_TEXT_TOKENS: 1024 } as const satisfies Partial<Config>

/** Replaces the defaults of settings that were not given by those of the execution provider. */
export function withProviderDefaults(config: Config, given: ReadonlySet<OptionName>, executionProvider: 'cpu' | 'cuda'): Config {
  if (executionProvider === 'cpu') return config
  const missing = Object.entries(CUDA_DEFAULTS).filter(([name]) => !given.has(name as OptionName))
  return Object.freeze({ ...config, ...Object.fromEntries(missing) })
}
