import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { buildFloat, buildNode, buildTensor } from '../../src/model/onnx/build-node.ts'
import { FLOAT, INT64, UINT8 } from '../../src/model/onnx/data-types.ts'
import type { Graph } from '../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { type ModelChoice, modelInfoOf, type OpenModel, openModel } from '../../src/model/open-model.ts'
import { graphOf, info, tinyModel } from '../support/onnx-model.ts'
import { tempFolder } from '../support/temp-folder.ts'

const CONFIG = { model_type: 'llama', vocab_size: 7, max_position_embeddings: 64, hidden_size: 4, num_attention_heads: 2 }
const PAST = info('past_key_values.0.key', FLOAT, ['batch', 2, 'past', 2])
const MASK = info('attention_mask', INT64, ['batch', 'sequence'])

function open(
  t: TestContext,
  graph: Graph,
  { config = CONFIG, file = 'model.onnx', ...choice }: ModelChoice & { config?: object; file?: string } = {}
): OpenModel {
  return openModel(
    tempFolder(t, { 'config.json': JSON.stringify(config), 'tokenizer.json': '{}', 'tokenizer_config.json': '{}', [file]: writeOnnx(graph) }),
    choice
  )
}

/** The tiny model, with its ids computed from other inputs as well, so that those are needed. */
function withInputs(...others: Graph['inputs']): Graph {
  const { graph } = tinyModel(7, 4)
  const [gather, ...rest] = graph.nodes
  const pass = buildNode('Custom', ['input_ids', ...others.map(({ name }) => name)], ['ids'])
  return { ...graph, nodes: [pass, { ...gather!, inputs: ['embedding', 'ids'] }, ...rest], inputs: [...graph.inputs, ...others] }
}

/** A 4-bit head: com.microsoft's MatMulNBits. */
const FOUR_BITS = graphOf({
  nodes: [
    buildNode('Gather', ['embedding', 'input_ids'], ['hidden'], { attributes: { axis: 0 } }),
    buildNode('MatMulNBits', ['hidden', 'packed', 'scales'], ['logits'], { attributes: { K: 4, N: 7, bits: 4, accuracy_level: 4 } })
  ],
  initializers: [
    buildFloat('embedding', [7, 4], new Array(28).fill(0)),
    buildTensor('packed', [7, 1, 2], UINT8, new Uint8Array(14)),
    buildFloat('scales', [7], new Array(7).fill(1))
  ],
  inputs: [info('input_ids', INT64, ['batch', 'sequence'])],
  outputs: [info('logits', FLOAT, ['batch', 'sequence', 'vocabulary'])]
})

describe('openModel', () => {
  it('says what was chosen and why', (t) => {
    assert.deepEqual(modelInfoOf(open(t, tinyModel(7, 4).graph)), {
      layout: 'ids only',
      dtype: 'fp32',
      dtypeChoice: 'auto: the only graph there is',
      numerics: { weights: 'float32', activations: 'float32', logits: 'float32' },
      maxModelLen: 64,
      maxModelLenSource: 'max_position_embeddings',
      vocabSize: 7,
      statedVocabSize: 7
    })
  })

  it('uses the width of the head when the configuration states another vocabulary', (t) => {
    const { vocabSize, statedVocabSize } = open(t, tinyModel(8, 4).graph)
    assert.deepEqual([vocabSize, statedVocabSize], [8, 7])
  })

  it("uses the graph's dtype when the file name disagrees", (t) => {
    const { dtype, numerics, vocabSize } = open(t, FOUR_BITS)
    assert.deepEqual([dtype, numerics.weights, numerics.activations, vocabSize], ['q4', 'int4', 'int8_blocks', 7])
  })

  it('keeps the dtype of a name that the graph agrees with', (t) => assert.equal(open(t, FOUR_BITS, { file: 'model_q4f16.onnx' }).dtype, 'q4f16'))

  it('lowers the context to a limit', (t) => assert.equal(open(t, tinyModel(7, 4).graph, { maxModelLen: 8 }).maxModelLen, 8))

  for (const [layout, graph] of [
    ['decoder without past', withInputs(MASK)],
    ['decoder with past', withInputs(MASK, PAST)]
  ] as const) {
    it(`recognises a ${layout}`, (t) => assert.equal(open(t, graph).layout, layout))
  }

  it('recognises a graph of onnxruntime-genai', (t) => {
    const graph = withInputs(MASK)
    const [, ...rest] = graph.nodes
    const attention = buildNode('GroupQueryAttention', ['input_ids', 'attention_mask'], ['ids'])
    const genai = JSON.stringify({ model: { context_length: 32, vocab_size: 7, decoder: { filename: 'model.onnx' } } })
    const folder = tempFolder(t, {
      'genai_config.json': genai,
      'tokenizer.json': '{}',
      'tokenizer_config.json': '{}',
      'model.onnx': writeOnnx({ ...graph, nodes: [attention, ...rest] })
    })
    const { layout, maxModelLen } = openModel(folder)
    assert.deepEqual([layout, maxModelLen], ['genai', 32])
  })

  it('ignores inputs that the logits do not depend on', (t) => {
    const { graph } = tinyModel(7, 4)
    assert.deepEqual(
      open(t, { ...graph, inputs: [...graph.inputs, info('pixel_values')] }).inputs.map(({ name }) => name),
      ['input_ids']
    )
  })

  it('refuses a graph with an input that it cannot feed', (t) => {
    assert.throws(() => open(t, withInputs(info('pixel_values'))), { code: 'model_unsupported', message: /pixel_values, which belongs to another modality/ })
  })

  it('refuses a model whose vocabulary size is unknown', (t) => {
    const { graph } = tinyModel(7, 4)
    const hidden = {
      ...graph,
      outputs: [info('logits', FLOAT, null)],
      nodes: [graph.nodes[0]!, buildNode('Neg', ['head'], ['other']), buildNode('MatMul', ['hidden', 'other'], ['logits'])]
    }
    assert.throws(() => open(t, hidden, { config: { ...CONFIG, vocab_size: undefined } }), {
      code: 'model_invalid',
      message: /states the vocabulary size: add vocab_size/
    })
  })
})

describe('openModel refuses', () => {
  it('a GGUF file, alone in its folder or named', (t) => {
    const folder = tempFolder(t, { 'tiny.gguf': 'GGUF' })
    for (const path of [folder, join(folder, 'tiny.gguf')])
      assert.throws(() => openModel(path), { code: 'model_unsupported', message: /^tiny\.gguf is a GGUF file of llama\.cpp.*optimum-cli export onnx/ })
  })

  it('a folder without tokenizer_config.json, before anything is loaded', (t) => {
    const folder = tempFolder(t, { 'config.json': '{}', 'tokenizer.json': '{}' })
    assert.throws(() => openModel(folder), { code: 'model_invalid', message: /has no tokenizer_config\.json, which names the special tokens/ })
  })
})
