import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const CONFIG = JSON.stringify({ architectures: ['LlamaForCausalLM'], vocab_size: 100, max_position_embeddings: 64, hidden_size: 32, num_attention_heads: 4 })

describe('openModelFolder', () => {
  it("reads the folder's JSON files", (t) => {
    const folder = tempFolder(t, { 'config.json': CONFIG, 'model.onnx': '' })
    assert.deepEqual(openModelFolder(folder), {
      id: basename(folder),
      folder,
      onnxPath: join(folder, 'model.onnx'),
      dtype: 'fp32',
      dtypeChoice: 'auto: the only graph there is',
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

  for (const [what, file, configFile] of [
    ['a file of a folder', 'model_q4.onnx', 'config.json'],
    ['a file in the inner folder onnx', 'onnx/model_q4.onnx', 'config.json'],
    ['a file in a folder onnx with a configuration of its own', 'onnx/model_q4.onnx', 'onnx/config.json']
  ] as const) {
    it(`takes the path of ${what}`, (t) => {
      const folder = tempFolder(t, { [configFile]: CONFIG, [file]: '', 'model.onnx': '' })
      const model = openModelFolder(join(folder, file))
      assert.deepEqual([model.onnxPath, model.dtype, model.folder], [join(folder, file), 'q4', join(folder, configFile, '..')])
      assert.equal(model.dtypeChoice, 'this file was asked for')
    })
  }

  it('lowers the context to a limit', (t) => {
    assert.equal(openModelFolder(tempFolder(t, { 'config.json': CONFIG, 'model.onnx': '' }), 'auto', 16).maxModelLen, 16)
  })

  it('refuses a file and another dtype', (t) => {
    const folder = tempFolder(t, { 'config.json': CONFIG, 'model_q4.onnx': '' })
    assert.throws(() => openModelFolder(join(folder, 'model_q4.onnx'), 'fp16'), {
      code: 'configuration_invalid',
      message: /--dtype fp16 does not match the file/
    })
  })

  it('refuses a decoder with past', (t) => {
    const folder = tempFolder(t, { 'config.json': CONFIG, 'decoder_with_past_model.onnx': '' })
    assert.throws(() => openModelFolder(join(folder, 'decoder_with_past_model.onnx')), { code: 'model_unsupported', message: /needs a past/ })
  })

  it('refuses a file that is not a graph', (t) => {
    const folder = tempFolder(t, { 'config.json': CONFIG })
    assert.throws(() => openModelFolder(join(folder, 'config.json')), { code: 'model_invalid', message: /name a model folder or an \.onnx file/ })
  })

  it('refuses a folder that does not exist', (t) => {
    assert.throws(() => openModelFolder(join(tempFolder(t), 'none')), { code: 'model_invalid', message: /there is no model folder/ })
  })
})
