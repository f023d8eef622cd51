import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type ModelConfig, readModelConfig, slidingWindowOf } from '../../../src/model/folder/model-config.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const CONFIG = { architectures: ['LlamaForCausalLM'], vocab_size: 100, max_position_embeddings: 64, hidden_size: 32, num_attention_heads: 4 }
const GENAI = {
  model: {
    type: 'phi3',
    context_length: 4096,
    vocab_size: 32064,
    decoder: { filename: 'phi.onnx', head_size: 96, hidden_size: 3072, num_attention_heads: 32, num_key_value_heads: 8 }
  }
}

function read(t: TestContext, files: Readonly<Record<string, object>>, limit = 0): ModelConfig {
  return readModelConfig(tempFolder(t, Object.fromEntries(Object.entries(files).map(([name, value]) => [name, JSON.stringify(value)]))), limit)
}

describe('readModelConfig', () => {
  it('reads config.json', (t) => {
    assert.deepEqual(read(t, { 'config.json': CONFIG }), {
      architecture: 'LlamaForCausalLM',
      maxModelLen: 64,
      maxModelLenSource: 'max_position_embeddings',
      vocabSize: 100,
      headSize: 8,
      keyValueHeads: 4,
      attentionHeads: 4,
      slidingWindow: null,
      genaiFile: null
    })
  })

  it('reads genai_config.json when there is no config.json', (t) => {
    assert.deepEqual(read(t, { 'genai_config.json': GENAI }), {
      architecture: 'phi3',
      maxModelLen: 4096,
      maxModelLenSource: 'context_length',
      vocabSize: 32064,
      headSize: 96,
      keyValueHeads: 8,
      attentionHeads: 32,
      slidingWindow: null,
      genaiFile: 'phi.onnx'
    })
  })

  const NONE = { max_position_embeddings: undefined }
  const VARIANTS: readonly [string, object, keyof ModelConfig, number | string][] = [
    ["GPT-2's name of the context", { ...NONE, n_positions: 1024 }, 'maxModelLen', 1024],
    ["GPT-2's older name of the context", { ...NONE, n_ctx: 1024 }, 'maxModelLen', 1024],
    ["MPT's name of the context", { ...NONE, max_seq_len: 2048 }, 'maxModelLen', 2048],
    ["CodeGen's name of the context", { ...NONE, max_sequence_length: 2048 }, 'maxModelLen', 2048],
    ["BLOOM's and ChatGLM's name of the context", { ...NONE, seq_length: 4096 }, 'maxModelLen', 4096],
    ['a text model inside another', { ...NONE, text_config: { max_position_embeddings: 512 } }, 'maxModelLen', 512],
    ['a vocabulary inside another', { vocab_size: undefined, text_config: { vocab_size: 7 } }, 'vocabSize', 7],
    ['a head size of its own', { head_dim: 16 }, 'headSize', 16],
    ["GPT-2's names of the sizes", { hidden_size: undefined, num_attention_heads: undefined, n_embd: 768, n_head: 12 }, 'headSize', 64],
    ["MPT's names of the sizes", { hidden_size: undefined, num_attention_heads: undefined, d_model: 64, n_heads: 4 }, 'headSize', 16],
    ['no sizes of heads', { num_attention_heads: undefined }, 'headSize', 0],
    ['grouped key-value heads', { num_key_value_heads: 2 }, 'keyValueHeads', 2],
    ["Falcon's key-value heads", { num_kv_heads: 3 }, 'keyValueHeads', 3],
    ["GPT-2's name of the heads", { num_attention_heads: undefined, n_head: 12 }, 'attentionHeads', 12],
    ['one shared key-value head', { multi_query: true }, 'keyValueHeads', 1],
    ["Falcon's new decoder, which groups", { multi_query: true, new_decoder_architecture: true, num_kv_heads: 3 }, 'keyValueHeads', 3],
    ['a model type in place of an architecture', { architectures: undefined, model_type: 'gpt2' }, 'architecture', 'gpt2'],
    ['neither of the two', { architectures: undefined }, 'architecture', 'unknown'],
    ['no vocabulary', { vocab_size: undefined }, 'vocabSize', 0]
  ]
  for (const [what, changes, field, value] of VARIANTS) {
    it(`understands ${what}`, (t) => assert.equal(read(t, { 'config.json': { ...CONFIG, ...changes } })[field], value))
  }

  it("takes the tokenizer's length for a model that states none", (t) => {
    const { maxModelLen, maxModelLenSource } = read(t, { 'config.json': { ...CONFIG, ...NONE }, 'tokenizer_config.json': { model_max_length: 777 } })
    assert.deepEqual([maxModelLen, maxModelLenSource], [777, 'model_max_length'])
  })

  for (const [what, files] of [
    ['no file states a length', {}],
    ["the tokenizer's length stands for not known", { 'tokenizer_config.json': { model_max_length: 1e30 } }]
  ] as const) {
    it(`takes 2048 and says so when ${what}`, (t) => {
      const { maxModelLen, maxModelLenSource } = read(t, { 'config.json': { ...CONFIG, ...NONE }, ...files })
      assert.equal(maxModelLen, 2048)
      assert.match(maxModelLenSource, /the model states no maximum/)
    })
  }

  it('lowers the context to a limit', (t) => assert.equal(read(t, { 'config.json': CONFIG }, 10).maxModelLen, 10))

  it('accepts any limit when the model states no context', (t) =>
    assert.equal(read(t, { 'config.json': { ...CONFIG, ...NONE } }, 100_000).maxModelLen, 100_000))

  it('refuses a limit above the context', (t) => {
    assert.throws(() => read(t, { 'config.json': CONFIG }, 65), { code: 'configuration_invalid', message: /--max-model-len 65 is above the 64 tokens/ })
  })

  it('refuses a decoder that is split into a pipeline', (t) => {
    assert.throws(() => read(t, { 'genai_config.json': { model: { decoder: { pipeline: [] } } } }), {
      code: 'model_unsupported',
      message: /pipeline of graphs/
    })
  })

  it('refuses a folder without a configuration', (t) => {
    assert.throws(() => readModelConfig(tempFolder(t)), { code: 'model_invalid', message: /neither config\.json nor genai_config\.json/ })
  })

  for (const text of ['{', 'null', '[]']) {
    it(`refuses a config.json of ${text}`, (t) => {
      assert.throws(() => readModelConfig(tempFolder(t, { 'config.json': text })), { code: 'model_invalid', message: /config\.json cannot be read/ })
    })
  }
})

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
