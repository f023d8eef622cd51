import type { Config, OptionName } from './options.ts'

/**
 * Budgets of a GPU, where they are not set. Not measured: half of the 16 384 padded tokens that text-embeddings-inference
 * takes by default, since a language model also computes logits, and texts of up to 1024 tokens side by side, whose attention
 * in an unfused graph (16 heads) then takes about 2 GB.
 */
const CUDA_DEFAULTS = { MAX_BATCH_TOKENS: 8192, LONG_TEXT_TOKENS: 1024 } as const satisfies Partial<Config>

/** The settings with the defaults of the execution provider for those that nobody gave. */
export function withProviderDefaults(config: Config, given: ReadonlySet<OptionName>, executionProvider: 'cpu' | 'cuda'): Config {
  if (executionProvider === 'cpu') return config
  const missing = Object.entries(CUDA_DEFAULTS).filter(([name]) => !given.has(name as OptionName))
  return Object.freeze({ ...config, ...Object.fromEntries(missing) })
}
