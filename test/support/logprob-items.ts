import assert from 'node:assert/strict'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import { DEFAULT_OPTIONS, type LogprobItem, type LogprobOptions } from '../../src/encoding/logprob-item.ts'
import { ServiceError } from '../../src/errors.ts'
import type { EvaluationContext } from '../../src/evaluation/evaluation-context.ts'
import { FakeTokenizer } from './fake-tokenizer.ts'

/** The default options with `changes`. */
export function optionsOf(changes: Partial<LogprobOptions> = {}): LogprobOptions {
  return { ...DEFAULT_OPTIONS, ...changes }
}

export function itemOf(x: LogprobItem['x'], y: LogprobItem['y'], index = 0): LogprobItem {
  return { index, candidate: 0, id: null, x, y, param: { x: 'x', y: 'y' } }
}

/** The fake tokenizer with a model of 20 ids and 16 tokens of context. */
export function contextOf(changes: Partial<EvaluationContext> = {}): EvaluationContext {
  return {
    tokenizer: new FakeTokenizer(),
    vocabSize: 20,
    maxModelLen: 16,
    prefixTokenId: 0,
    causal: 'exact',
    toleranceNats: 1e-3,
    claimsFloat32: true,
    ...changes
  }
}

export async function encodeOne(item: LogprobItem, options: Partial<LogprobOptions> = {}, context: Partial<EvaluationContext> = {}): Promise<EncodedItem> {
  const [encoded] = await encodeItems([item], optionsOf(options), contextOf(context))
  if (encoded instanceof ServiceError) throw encoded
  assert.ok(encoded !== undefined)
  return encoded
}
