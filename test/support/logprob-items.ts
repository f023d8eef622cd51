import assert from 'node:assert/strict'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import { type EncodingContext, type LogprobItem, type LogprobOptions, TERMS } from '../../src/encoding/item-input.ts'
import { ServiceError } from '../../src/errors.ts'
import { FakeTokenizer } from './fake-tokenizer.ts'

/** The default options, with changes. */
export function optionsOf(changes: Partial<LogprobOptions> = {}): LogprobOptions {
  return {
    boundary: 'auto',
    prefixToken: 'auto',
    eos: 'none',
    parseSpecialTokens: false,
    onOverflow: 'error',
    terms: new Set(TERMS),
    detail: 'summary',
    topLogprobs: 0,
    verify: 'standard',
    ...changes
  }
}

export function itemOf(x: LogprobItem['x'], y: LogprobItem['y'], index = 0): LogprobItem {
  return { index, candidate: 0, id: null, x, y, param: { x: 'x', y: 'y' } }
}

/** The fake tokenizer with a model of 20 vocabulary rows and a context of 16 tokens. */
export function contextOf(changes: Partial<EncodingContext> = {}): EncodingContext {
  return { tokenizer: new FakeTokenizer(), vocabSize: 20, maxModelLen: 16, prefixTokenId: 0, toleranceNats: 1e-3, claimsFloat32: true, ...changes }
}

export async function encodeOne(item: LogprobItem, options: Partial<LogprobOptions> = {}, context: Partial<EncodingContext> = {}): Promise<EncodedItem> {
  const [encoded] = await encodeItems([item], optionsOf(options), contextOf(context))
  if (encoded instanceof ServiceError) throw encoded
  assert.ok(encoded !== undefined)
  return encoded
}
