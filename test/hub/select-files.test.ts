import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { dataFileOf, graphFileOf, likelyDataFiles, missingFiles, noGraph, smallFilesOf } from '../../src/hub/select-files.ts'
import { DTYPES } from '../../src/model/folder/find-graph-file.ts'
import { openModelFolder } from '../../src/model/folder/model-folder.ts'
import { tempFolder } from '../support/temp-folder.ts'

const GRAPHS = ['', 'onnx/'].flatMap((folder) =>
  ['', '_fp16', '_int8', '_uint8', '_quantized', '_q4', '_q4f16', '_bnb4'].map((suffix) => `${folder}model${suffix}.onnx`)
)

describe('graphFileOf', () => {
  test('chooses the same file as for a folder on disk', (t) => {
    const root = tempFolder(t)
    let count = 0
    fc.assert(
      fc.property(fc.subarray(GRAPHS, { minLength: 1 }), fc.constantFrom(...DTYPES), (names, dtype) => {
        const folder = join(root, String(count++))
        for (const name of [...names, 'config.json']) {
          mkdirSync(dirname(join(folder, name)), { recursive: true })
          writeFileSync(join(folder, name), '{"vocab_size": 1, "max_position_embeddings": 1}')
        }
        const chosen = graphFileOf(names, dtype, null)
        if (chosen === null) assert.throws(() => openModelFolder(folder, dtype), { code: 'model_invalid' })
        else {
          const opened = openModelFolder(folder, dtype)
          assert.deepEqual([opened.onnxPath, opened.dtype], [join(folder, chosen.file), chosen.dtype])
        }
      }),
      { numRuns: 60 }
    )
  })

  for (const [names, file, dtype] of [
    [['onnx/decoder_model_merged_q4.onnx'], 'onnx/decoder_model_merged_q4.onnx', 'q4'],
    [['decoder_model.onnx', 'onnx/model.onnx', 'decoder_model_merged.onnx'], 'onnx/model.onnx', 'fp32'],
    [['decoder_model.onnx', 'decoder_with_past_model.onnx', 'decoder_model_merged.onnx'], 'decoder_model_merged.onnx', 'fp32'],
    [['my-export.onnx', 'other/model.onnx'], 'my-export.onnx', null]
  ] as const) {
    test(`takes ${file} among ${names.join(', ')}`, () => assert.deepEqual(graphFileOf(names, 'auto', null), { file, dtype }))
  }

  test('chooses none of two graphs with unknown names', () => assert.equal(graphFileOf(['a.onnx', 'b.onnx'], 'auto', null), null))

  test('prefers the graph that genai_config.json names, unless a dtype is asked for', () => {
    const names = ['model.onnx', 'phi.onnx', 'model_q4.onnx']
    assert.equal(graphFileOf(names, 'auto', 'phi.onnx')?.file, 'phi.onnx')
    assert.equal(graphFileOf(names, 'auto', 'absent.onnx')?.file, 'model.onnx')
    assert.equal(graphFileOf(names, 'q4', 'phi.onnx')?.file, 'model_q4.onnx')
  })
})

test('the chat templates of additional_chat_templates/ belong to a model, and no other file in there', () => {
  const names = [
    'config.json',
    'additional_chat_templates/rag.jinja',
    'additional_chat_templates/README.md',
    'other/additional_chat_templates/x.jinja',
    'a.jinja'
  ]
  assert.deepEqual(smallFilesOf(names), ['config.json', 'additional_chat_templates/rag.jinja'])
})

test('a model needs a tokenizer and one of two configurations', () => {
  assert.deepEqual(missingFiles(['model.onnx']), ['config.json', 'tokenizer.json'])
  assert.deepEqual(missingFiles(['genai_config.json', 'tokenizer.json']), [])
})

test('small files come from the list, in its order, and from this folder only', () =>
  assert.deepEqual(smallFilesOf(['tokenizer.json', 'README.md', 'other/config.json', 'config.json', 'model.safetensors']), ['config.json', 'tokenizer.json']))

test('data files are recognised by their names, without those of other dtypes', () => {
  const names = ['model.onnx', 'model.onnx_data', 'model.onnx_data_1', 'model.onnx.data', 'model.onnx_data_x', 'model_q4.onnx_data', 'model.onnx.txt']
  assert.deepEqual(likelyDataFiles(names, 'model.onnx'), ['model.onnx_data', 'model.onnx_data_1', 'model.onnx.data'])
})

describe('dataFileOf', () => {
  test('is relative to the folder of the graph', () => {
    assert.equal(dataFileOf('onnx/model.onnx', 'model.onnx_data'), 'onnx/model.onnx_data')
    assert.equal(dataFileOf('model.onnx', './weights/a.bin'), 'weights/a.bin')
  })

  for (const location of ['../x', '../../x', '/etc/passwd', '..', '.', 'a\\b', 'a/../../x']) {
    test(`refuses ${location}`, () => assert.throws(() => dataFileOf('onnx/model.onnx', location), { code: 'model_invalid' }))
  }
})

describe('noGraph', () => {
  for (const [names, said] of [
    [['model.safetensors'], /it has no \.onnx file: choose/],
    [['cpu/int4/model.onnx'], /its graphs are in cpu\/int4: add the folder to the id/],
    [['onnx/model_q4.onnx'], /it has onnx\/model_q4\.onnx: choose --dtype/]
  ] as const) {
    test(`names the alternatives: ${names}`, () => assert.match(noGraph('org/name', names, 'fp16').message, said))
  }
})
