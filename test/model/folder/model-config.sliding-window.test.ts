import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { slidingWindowOf } from '../../../src/model/folder/model-config.ts'

describe('slidingWindowOf', () => {
  const CASES: readonly [string, object, number | null][] = [
    ['Mistral', { sliding_window: 4096 }, 4096],
    ['Mistral without one', { sliding_window: null }, null],
    ['Qwen2, which states one and does not use it', { sliding_window: 131072, use_sliding_window: false }, null],
    ['layers of two kinds', { sliding_window: 512, layer_types: ['full_attention', 'sliding_attention'] }, 512],
    ['layers that all see everything', { sliding_window: 512, layer_types: ['full_attention', 'full_attention'] }, null],
    ["GPT-Neo's name", { window_size: 256, attention_layers: ['global', 'local'] }, 256],
    ["MPT's -1 for none", { attn_config: { sliding_window_size: -1 } }, null],
    ["MPT's place", { attn_config: { sliding_window_size: 1024 } }, 1024],
    ["Llama 4's chunks", { attention_chunk_size: 8192 }, 8192],
    ["onnxruntime-genai's object", { sliding_window: { window_size: 128, slide_inputs: true } }, 128],
    ['nothing', {}, null]
  ]
  for (const [name, object, expected] of CASES)
    it(`reads ${name}`, () => {
      assert.equal(slidingWindowOf([object as Readonly<Record<string, unknown>>]), expected)
    })

  it('takes the smallest of several objects', () => {
    assert.equal(slidingWindowOf([{ sliding_window: 512 }, {}, { sliding_window: { window_size: 128 } }]), 128)
  })
})
