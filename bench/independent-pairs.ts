import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { compareWithPeers } from './peers/comparison.ts'
import { HF, TRANSFORMERS_JS } from './peers/peers.ts'
import type { Findings } from './support/result.ts'
import { pairSlices, X_TOKENS, Y_TOKENS } from './workloads/pairs.ts'

const PAIRS = 256
const SLICES = 8
const SECONDS = 220

/** Pairs that share nothing, so that logpr can only save what a pass computes beside its matrices. */
export function run(name: BenchModelName): Promise<Findings> {
  const model = benchModel(name)
  return compareWithPeers({
    subject: `independent pairs, ${name}`,
    question: `How fast are ${PAIRS} independent pairs compared with other tools (${name})?`,
    model,
    slices: pairSlices(11, model.textVocabSize, PAIRS, SLICES),
    seconds: SECONDS,
    settings: { pairs: PAIRS, x_tokens: X_TOKENS.join(' to '), y_tokens: Y_TOKENS.join(' to '), pairs_per_round: PAIRS / SLICES },
    factors: name === 'gpt2' ? { [HF]: 1.8, [TRANSFORMERS_JS]: 3 } : {},
    shareOfPeak: name === 'gpt2' ? 0.9 : null,
    notes: []
  })
}
