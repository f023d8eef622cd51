import { FRONT_BYTES, predictFrontBytes, type VocabularySize } from '../memory/front.ts'
import { type MemoryPrediction, predictMemory } from '../memory/predict.ts'
import { mebibytes } from '../process/mebibytes.ts'
import { hasVocabulary, type InspectedModel, type Section } from './sections.ts'

/** Token budgets to report besides the configured one. */
const OTHER_BUDGETS = [512, 2048, 8192] as const

/** Predicted memory of a service with this model on a CPU, at the configured token budget and at others. */
export function memorySection({ folder, scoring, hasPrefixCache, tokenizer, config }: InspectedModel): Section {
  const { vocabSize, headSize, maxModelLen } = folder
  const frontBytes = tokenizer !== null && hasVocabulary(tokenizer) ? predictFrontBytes(vocabularySizeOf(tokenizer.model)) : FRONT_BYTES
  const model = { scoring, vocabSize, headSize, maxModelLen, frontBytes, prefixCacheBytes: hasPrefixCache ? config.PREFIX_CACHE_BYTES : 0 }
  const at = (maxBatchTokens: number): MemoryPrediction =>
    predictMemory({ ...model, maxBatchTokens, longTextTokens: config.LONG_TEXT_TOKENS, replicas: config.REPLICAS })
  const now = at(config.MAX_BATCH_TOKENS)
  const others = OTHER_BUDGETS.filter((tokens) => tokens !== config.MAX_BATCH_TOKENS).map((tokens) => ({ tokens, ...at(tokens) }))
  const budgets = [{ tokens: config.MAX_BATCH_TOKENS, ...now }, ...others]
  const { sequences, tokens } = now.longest.shape
  return {
    name: 'memory',
    json: {
      base_bytes: now.baseBytes,
      front_bytes: frontBytes,
      weight_bytes: now.weightBytes,
      mapped_bytes: now.mappedBytes,
      loading_bytes: now.loadingBytes,
      prefix_cache_bytes: now.prefixCacheBytes,
      budgets: budgets.map(({ tokens, budget, totalBytes }) => ({ max_batch_tokens: tokens, pass_bytes: budget.bytes, total_bytes: totalBytes })),
      longest: { sequences, tokens, pass_bytes: now.longest.bytes },
      unknown_operators: now.unknownOperators
    },
    lines: [
      ['memory', totalLine(now, config.MAX_BATCH_TOKENS)],
      ['', others.map(({ tokens, totalBytes }) => `${mebibytes(totalBytes)} at ${tokens.toLocaleString('en')} tokens`).join(', ')],
      ...(now.prefixCacheBytes === 0 ? [] : [['prefix cache', `up to ${mebibytes(now.prefixCacheBytes)} more, where the memory limit leaves it`] as const]),
      ['longest text', `${mebibytes(now.longest.bytes)} for ${tokens.toLocaleString('en')} tokens, with its verification, in place of the pass`],
      ...(now.unknownOperators.length === 0 ? [] : [['', `more than that: nothing is known of the memory of ${now.unknownOperators.join(', ')}`] as const])
    ]
  }
}

function vocabularySizeOf({ vocab, merges = [] }: NonNullable<InspectedModel['tokenizer']>['model'] & object): VocabularySize {
  return { tokens: Object.keys(vocab).length, merges: merges.length }
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
