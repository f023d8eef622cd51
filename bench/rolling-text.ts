import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { compareWithPeers } from './peers/comparison.ts'
import type { Findings } from './support/result.ts'
import { rollingSlices } from './workloads/rolling.ts'

const TEXT_TOKENS = 4096
const SLICES = 3
const SECONDS = { gpt2: 50, embedded: 20 } as const

/** A long text with every token scored. */
export function run(name: BenchModelName): Promise<Findings> {
  const model = benchModel(name)
  return compareWithPeers({
    subject: `one long text, ${name}`,
    question: `How fast is one long text compared with other tools (${name})?`,
    model,
    slices: rollingSlices(13, model.textVocabSize, SLICES, TEXT_TOKENS, model.contextTokens),
    seconds: SECONDS[name],
    settings: { text_tokens: TEXT_TOKENS, window_tokens: model.contextTokens },
    factors: {},
    shareOfPeak: null,
    notes: [
      'The text is split into windows as lm-evaluation-harness does for a rolling log-likelihood: each window begins with the last token of the previous one. All windows are sent at once.'
    ]
  })
}
