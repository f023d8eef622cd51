import { mebibytes } from '../../memory/mebibytes.ts'
import { type MemoryPrediction, predictMemory } from '../../memory/predict.ts'
import type { InspectedModel, Section } from '../section.ts'

/** Budgets that are told beside the configured one. */
const OTHER_BUDGETS = [512, 2048, 8192] as const

/** What a service with this model would take on a CPU, at the configured token budget and at others. */
export function memorySection({ folder, scoring, config }: InspectedModel): Section {
  const { vocabSize, headSize, maxModelLen } = folder
  const at = (maxBatchTokens: number): MemoryPrediction =>
    predictMemory({ scoring, vocabSize, headSize, maxModelLen, maxBatchTokens, longTextTokens: config.LONG_TEXT_TOKENS, replicas: config.REPLICAS })
  const now = at(config.MAX_BATCH_TOKENS)
  const others = OTHER_BUDGETS.filter((tokens) => tokens !== config.MAX_BATCH_TOKENS).map((tokens) => ({ tokens, ...at(tokens) }))
  const budgets = [{ tokens: config.MAX_BATCH_TOKENS, ...now }, ...others]
  const { sequences, tokens } = now.longest.shape
  return {
    name: 'memory',
    json: {
      base_bytes: now.baseBytes,
      weight_bytes: now.weightBytes,
      mapped_bytes: now.mappedBytes,
      loading_bytes: now.loadingBytes,
      budgets: budgets.map(({ tokens, budget, totalBytes }) => ({ max_batch_tokens: tokens, pass_bytes: budget.bytes, total_bytes: totalBytes })),
      longest: { sequences, tokens, pass_bytes: now.longest.bytes },
      unknown_operators: now.unknownOperators
    },
    lines: [
      ['memory', totalLine(now, config.MAX_BATCH_TOKENS)],
      ['', others.map(({ tokens, totalBytes }) => `${mebibytes(totalBytes)} at ${tokens.toLocaleString('en')} tokens`).join(', ')],
      ['longest text', `${mebibytes(now.longest.bytes)} for ${tokens.toLocaleString('en')} tokens, with its verification, in place of the pass`],
      ...(now.unknownOperators.length === 0 ? [] : [['', `more than that: nothing is known of the memory of ${now.unknownOperators.join(', ')}`] as const])
    ]
  }
}

function totalLine({ replicas, baseBytes, weightBytes, mappedBytes, loadingBytes, budget, totalBytes }: MemoryPrediction, maxBatchTokens: number): string {
  const each = replicas === 1 ? '' : `${replicas} x `
  const work =
    loadingBytes > budget.bytes
      ? `${each}${mebibytes(loadingBytes)} while loading`
      : `${each}${mebibytes(budget.bytes)} for a pass of ${maxBatchTokens.toLocaleString('en')} tokens`
  const parts = `processes ${mebibytes(baseBytes)} + weights ${mebibytes(weightBytes)} + ${work}`
  return `${mebibytes(totalBytes)}: ${parts}; and ${mebibytes(mappedBytes)} mapped from files, which the system may drop`
}
