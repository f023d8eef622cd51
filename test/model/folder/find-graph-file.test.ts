import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { findGraphFile } from '../../../src/model/folder/find-graph-file.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const folderOf = (t: TestContext, files: readonly string[]): string => tempFolder(t, Object.fromEntries(files.map((file) => [file, ''])))

describe('findGraphFile', () => {
  const CHOICES: readonly [string, readonly string[], string, string, string | null][] = [
    ['the full weights first', ['model.onnx', 'model_q4.onnx'], 'auto', 'model.onnx', 'fp32'],
    ['half floats before 4 bits', ['model_q4.onnx', 'model_fp16.onnx'], 'auto', 'model_fp16.onnx', 'fp16'],
    ['causal 4 bits before dynamic 8 bits', ['model_quantized.onnx', 'model_int8.onnx', 'model_bnb4.onnx'], 'auto', 'model_bnb4.onnx', 'bnb4'],
    ['the folder onnx', ['onnx/model.onnx'], 'auto', 'onnx/model.onnx', 'fp32'],
    ['the folder itself before its onnx', ['onnx/model.onnx', 'model.onnx'], 'auto', 'model.onnx', 'fp32'],
    ['the dtype that is wanted', ['model.onnx', 'onnx/model_quantized.onnx'], 'q8', 'onnx/model_quantized.onnx', 'q8'],
    ['a merged decoder before one without past', ['decoder_model.onnx', 'onnx/decoder_model_merged.onnx'], 'auto', 'onnx/decoder_model_merged.onnx', 'fp32'],
    ['a decoder without past', ['decoder_model.onnx', 'decoder_with_past_model.onnx'], 'auto', 'decoder_model.onnx', 'fp32'],
    ['a merged decoder of the wanted dtype', ['decoder_model_merged_quantized.onnx', 'decoder_model.onnx'], 'q8', 'decoder_model_merged_quantized.onnx', 'q8'],
    ['the only graph of another name', ['gpt2.onnx'], 'auto', 'gpt2.onnx', null]
  ]
  for (const [what, files, dtype, expected, named] of CHOICES) {
    it(`takes ${what}`, (t) => {
      const folder = folderOf(t, files)
      const { onnxPath, namedDtype } = findGraphFile(folder, dtype)
      assert.deepEqual([onnxPath, namedDtype], [join(folder, expected), named])
    })
  }

  it('takes the file that genai_config.json names', (t) => {
    const folder = folderOf(t, ['phi-int4.onnx', 'other.onnx'])
    assert.deepEqual(findGraphFile(folder, 'auto', 'phi-int4.onnx'), {
      onnxPath: join(folder, 'phi-int4.onnx'),
      namedDtype: null,
      why: 'auto: the only graph there is'
    })
  })

  it('names the files that it chose from', (t) => {
    const { why } = findGraphFile(folderOf(t, ['model_q4.onnx', 'onnx/model_quantized.onnx']), 'auto')
    assert.equal(why, 'auto: first in order of exactness among q4 (model_q4.onnx), q8 (onnx/model_quantized.onnx)')
  })

  it('says that a dtype was asked for', (t) => assert.equal(findGraphFile(folderOf(t, ['model_q4.onnx', 'model.onnx']), 'q4').why, '--dtype q4'))

  const REFUSED: readonly [string, readonly string[], string, string | null, string, RegExp][] = [
    ['nothing', [], 'auto', null, 'model_invalid', /has no model\*\.onnx/],
    ['weights of another format', ['model.safetensors'], 'auto', null, 'model_invalid', /has weights in another format: export the model/],
    [
      'no file of the dtype, listing those there are',
      ['model.onnx', 'onnx/model_q4.onnx'],
      'q8',
      null,
      'model_invalid',
      /no file for dtype q8; there are fp32 \(model\.onnx\), q4 \(onnx\/model_q4\.onnx\)/
    ],
    ['a decoder with past alone', ['decoder_with_past_model.onnx'], 'auto', null, 'model_unsupported', /has only decoder_with_past_model, which needs a past/],
    ['several graphs of other names', ['a.onnx', 'b.onnx'], 'auto', null, 'model_invalid', /a\.onnx, b\.onnx: name the path of one/],
    [
      'a graph that genai_config.json names and that does not exist',
      ['model.onnx'],
      'auto',
      '../other.onnx',
      'model_invalid',
      /names \.\.\/other\.onnx, which does not exist: download it/
    ]
  ]
  for (const [what, files, dtype, genaiFile, code, message] of REFUSED) {
    it(`refuses a folder with ${what}`, (t) => {
      assert.throws(() => findGraphFile(folderOf(t, files), dtype, genaiFile), { name: 'ServiceError', code, message })
    })
  }
})
