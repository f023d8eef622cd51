import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { writeBytes } from '../../../src/model/onnx/wire.ts'
import { writeGraph, writeOnnx } from '../../../src/model/onnx/write.ts'
import { relocate } from '../../../src/model/weights/relocate.ts'
import { storedTensors } from '../../../src/model/weights/stored-tensors.ts'
import { externalTensor } from '../../support/external-data.ts'
import { comparable, graphOf, info, tinyModel } from '../../support/onnx-model.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const LOCATIONS = { modelFile: 'blobs/m', dataFiles: new Map([['data', 'blobs/d']]) }
const inner = graphOf({
  nodes: [buildNode('Identity', ['w'], ['y'])],
  initializers: [externalTensor('w', [3], FLOAT, { location: 'data', offset: '8', length: '64' })],
  outputs: [info('y')]
})

function graphWithBranches(): Graph {
  const nested = writeGraph('outer', {
    ...inner,
    initializers: [],
    nodes: [buildNode('If', ['flag'], ['y'], { attributes: { then_branch: writeGraph('inner', inner) } })]
  })
  const constant = Buffer.concat([writeBytes(1, 'value'), writeBytes(5, externalTensor('c', [2], FLOAT, { location: 'data' }).value as Uint8Array)])
  return graphOf({
    nodes: [buildNode('If', ['flag'], ['y'], { attributes: { then_branch: nested, axis: 1 } })],
    initializers: [
      externalTensor('v', [2, 2], FLOAT, { location: 'data' }),
      { name: 'big', dims: [100], dataType: FLOAT, location: 'data', value: { offset: 3, length: 400 } }
    ],
    functions: [Buffer.concat([writeBytes(1, 'F'), writeBytes(7, [writeBytes(4, 'Constant'), writeBytes(5, constant)])])]
  })
}

describe('relocate', () => {
  it('writes new locations and exact lengths everywhere, in branches of branches and functions too', () => {
    const relocated = relocate(graphWithBranches(), LOCATIONS)
    const external = storedTensors(relocated).flatMap(({ name, storage }) =>
      storage.kind === 'external' ? [[name, storage.location, storage.offset, storage.length]] : []
    )
    assert.deepEqual(external, [
      ['v', 'blobs/d', '0', '16'],
      ['w', 'blobs/d', '8', '12'],
      ['c', 'blobs/d', '0', '8']
    ])
    assert.deepEqual(
      relocated.initializers.map(({ location }) => location),
      ['blobs/d', 'blobs/m']
    )
  })

  it('keeps everything else that was read from the file', async (t) => {
    const { graph } = tinyModel(64, 8)
    const path = `${tempFolder(t, { 'model.onnx': writeOnnx({ ...graph, nodes: [...graph.nodes, ...graphWithBranches().nodes] }) })}/model.onnx`
    const original = readOnnx(path)
    const relocated = relocate(original, { modelFile: 'model.onnx', dataFiles: new Map([['data', 'data']]) })
    const names = (each: Graph): unknown => comparable({ ...each, nodes: each.nodes.map((node) => ({ ...node, attributes: [] })) })

    assert.deepEqual(names(relocated), names(original))
    assert.deepEqual(
      relocated.nodes.slice(0, -1).map(({ encoded }) => encoded),
      original.nodes.slice(0, -1).map(({ encoded }) => encoded)
    )
  })
})
