import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { openModelFolder } from '../../src/model/model-folder.ts'
import { tempFolder } from '../support/temp-folder.ts'

const CONFIG = { architectures: ['LlamaForCausalLM'], vocab_size: 100, max_position_embeddings: 64, hidden_size: 32, num_attention_heads: 4 }
const json = (changes: object = {}): string => JSON.stringify({ ...CONFIG, ...changes })

describe('openModelFolder', () => {
  it('reads what the folder says of itself', (t) => {
    const folder = tempFolder(t, { 'config.json': json(), 'model.onnx': '' })
    assert.deepEqual(openModelFolder(folder), {
      id: basename(folder),
      folder,
      onnxPath: join(folder, 'model.onnx'),
      dtype: 'fp32',
      architecture: 'LlamaForCausalLM',
      maxModelLen: 64,
      vocabSize: 100,
      headSize: 8
    })
  })

  const CONFIGS: readonly [string, object, 'maxModelLen' | 'headSize' | 'architecture', number | string][] = [
    ["GPT-2's name of the context", { max_position_embeddings: undefined, n_positions: 1024 }, 'maxModelLen', 1024],
    ["MPT's name of the context", { max_position_embeddings: undefined, max_sequence_length: 2048 }, 'maxModelLen', 2048],
    ['a head size of its own', { head_dim: 16 }, 'headSize', 16],
    ["GPT-2's names of the sizes", { hidden_size: undefined, num_attention_heads: undefined, n_embd: 768, n_head: 12 }, 'headSize', 64],
    ['a model type in place of an architecture', { architectures: undefined, model_type: 'gpt2' }, 'architecture', 'gpt2'],
    ['neither of the two', { architectures: undefined }, 'architecture', 'unknown']
  ]
  for (const [what, changes, field, value] of CONFIGS) {
    it(`understands ${what}`, (t) => assert.equal(openModelFolder(tempFolder(t, { 'config.json': json(changes), 'model.onnx': '' }))[field], value))
  }

  const FILES: readonly [string, readonly string[], string, string, string][] = [
    ['the full weights first', ['model.onnx', 'model_q4.onnx'], 'auto', 'model.onnx', 'fp32'],
    ['the folder onnx', ['onnx/model.onnx'], 'auto', 'onnx/model.onnx', 'fp32'],
    ['the first dtype that there is', ['onnx/model_q4.onnx', 'onnx/model_fp16.onnx'], 'auto', 'onnx/model_fp16.onnx', 'fp16'],
    ['the dtype that is wanted', ['model.onnx', 'onnx/model_quantized.onnx'], 'q8', 'onnx/model_quantized.onnx', 'q8']
  ]
  for (const [what, files, dtype, expected, chosen] of FILES) {
    it(`takes ${what}`, (t) => {
      const folder = tempFolder(t, { 'config.json': json(), ...Object.fromEntries(files.map((file) => [file, ''])) })
      const model = openModelFolder(folder, dtype)
      assert.deepEqual([model.onnxPath, model.dtype], [join(folder, expected), chosen])
    })
  }

  const BROKEN: readonly [string, Record<string, string>, string, RegExp][] = [
    ['no config', { 'model.onnx': '' }, 'auto', /config\.json cannot be read/],
    ['a config that is not JSON', { 'model.onnx': '', 'config.json': '{' }, 'auto', /config\.json cannot be read/],
    ['no weights', { 'config.json': json() }, 'auto', /no model\*\.onnx.* for dtype auto/],
    ['no weights of the dtype', { 'config.json': json(), 'model.onnx': '' }, 'q4', /for dtype q4/],
    ['no vocabulary size', { 'config.json': json({ vocab_size: undefined }), 'model.onnx': '' }, 'auto', /no vocab_size/],
    ['no context', { 'config.json': json({ max_position_embeddings: null }), 'model.onnx': '' }, 'auto', /no max_position_embeddings/],
    ['a config that is not an object', { 'config.json': 'null', 'model.onnx': '' }, 'auto', /config\.json/]
  ]
  for (const [what, files, dtype, message] of BROKEN) {
    it(`refuses a folder with ${what}`, (t) => {
      assert.throws(() => openModelFolder(tempFolder(t, files), dtype), { name: 'ServiceError', code: 'model_invalid', message })
    })
  }

  it('refuses a folder that is not there', (t) => {
    assert.throws(() => openModelFolder(join(tempFolder(t), 'none')), { code: 'model_invalid', message: /there is no model folder/ })
  })
})
