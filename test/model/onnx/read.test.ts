import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ServiceError } from '../../../src/errors.ts'
import { buildFloat, buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { BOOL, FLOAT, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { writeBytes, writeInteger } from '../../../src/model/onnx/wire.ts'
import { writeGraph, writeOnnx } from '../../../src/model/onnx/write.ts'
import { comparable, graphOf, hex, info } from '../../support/onnx-model.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const NODE = buildNode('Identity', ['a'], ['b'])

function readBytes(t: TestContext, bytes: Uint8Array): Graph {
  return readOnnx(join(tempFolder(t, { 'model.onnx': bytes }), 'model.onnx'))
}

/** A graph with a part of every kind. */
function mixedGraph(): Graph {
  return graphOf({
    irVersion: 9,
    opsets: new Map([
      ['', 18],
      ['com.microsoft', 1]
    ]),
    nodes: [
      buildNode('Gather', ['weights', 'input_ids'], ['hidden'], { attributes: { axis: 0 } }),
      { ...buildNode('Gelu', ['hidden', '', 'shape'], ['out', 'spare'], { attributes: { axes: [0, -1], approximate: 1 } }), domain: 'com.microsoft' }
    ],
    initializers: [buildFloat('weights', [2, 3], [1, 2, 3, 4, 5, 6]), buildInt64('shape', [], [-1])],
    inputs: [info('input_ids', INT64, ['batch', 4, null]), info('flag', BOOL, [])],
    outputs: [info('out', FLOAT, null)],
    functions: [writeBytes(1, 'Gelu')]
  })
}

describe('readOnnx', () => {
  it('reads back the graph that writeOnnx wrote', (t) => {
    assert.deepEqual(comparable(readBytes(t, writeOnnx(mixedGraph()))), comparable(mixedGraph()))
  })

  it('gives a graph that is written back byte for byte', (t) => {
    const bytes = writeOnnx(mixedGraph())
    assert.equal(hex(writeOnnx(readBytes(t, bytes))), hex(bytes))
  })

  it('locates a weight of more than 256 bytes and keeps a smaller one inside the graph', (t) => {
    const large = Array.from({ length: 65 }, (_, i) => i + 0.5)
    const small = Array.from({ length: 64 }, (_, i) => -i)
    const folder = tempFolder(t, {
      'model.onnx': writeOnnx(graphOf({ nodes: [NODE], initializers: [buildFloat('large', [65], large), buildFloat('small', [64], small)] }))
    })
    const [first, second] = readOnnx(join(folder, 'model.onnx')).initializers

    assert.deepEqual([first!.name, first!.dims, first!.dataType, first!.location], ['large', [65], FLOAT, 'model.onnx'])
    const range = first!.value as { offset: number; length: number }
    assert.equal(range.length, 260)
    const stored = readFileSync(join(folder, 'model.onnx')).subarray(range.offset, range.offset + range.length)
    assert.equal(hex(stored), hex(new Uint8Array(Float32Array.from(large).buffer)))

    assert.equal(second!.location, null)
    assert.equal(hex(second!.value as Uint8Array), hex(buildFloat('small', [64], small).value as Uint8Array))
  })

  it('finds weights beyond the first window of 64 KiB', (t) => {
    const names = ['first', 'second', 'third']
    const initializers = names.map((name, i) => buildFloat(name, [20_000], new Array(20_000).fill(i + 1)))
    const bytes = writeOnnx(graphOf({ nodes: [NODE], initializers }))
    const found = readBytes(t, bytes).initializers.map(({ name, value }) => [name, Buffer.from(bytes).readFloatLE((value as { offset: number }).offset)])
    assert.deepEqual(found, [
      ['first', 1],
      ['second', 2],
      ['third', 3]
    ])
  })

  it('keeps the external entry of a weight in a data file', (t) => {
    const pointer = { name: 'w', dims: [100], dataType: FLOAT, location: 'model.onnx_data', value: { offset: 4096, length: 400 } }
    const [read] = readBytes(t, writeOnnx(graphOf({ nodes: [NODE], initializers: [pointer] }))).initializers
    assert.deepEqual([read!.name, read!.dims, read!.dataType, read!.location], ['w', [100], FLOAT, 'model.onnx_data'])
    assert.ok(Buffer.from(read!.value as Uint8Array).includes('4096'))
  })

  it('reads dimensions that are packed', (t) => {
    const value = Buffer.concat([writeBytes(1, Uint8Array.of(2, 3)), writeInteger(2, FLOAT), writeBytes(8, 'w')])
    const weight = { name: 'w', dims: [2, 3], dataType: FLOAT, location: null, value }
    assert.deepEqual(readBytes(t, writeOnnx(graphOf({ nodes: [NODE], initializers: [weight] }))).initializers[0]!.dims, [2, 3])
  })

  it('reads a negative dimension as unknown', (t) => {
    const graph = graphOf({ nodes: [NODE], inputs: [info('a', FLOAT, [-1, 4])] })
    assert.deepEqual(readBytes(t, writeOnnx(graph)).inputs[0]!.shape, [null, 4])
  })

  it('leaves out inputs that are weights, as files before IR version 4 list them', (t) => {
    const graph = graphOf({ nodes: [NODE], initializers: [buildFloat('w', [1], [1])], inputs: [info('a'), info('w')] })
    assert.deepEqual(
      readBytes(t, writeOnnx(graph)).inputs.map(({ name }) => name),
      ['a']
    )
  })

  it('reads ai.onnx as the standard domain', (t) => {
    const graph = graphOf({ nodes: [NODE], opsets: new Map([['ai.onnx', 15]]) })
    assert.deepEqual([...readBytes(t, writeOnnx(graph)).opsets], [['', 15]])
  })

  it('finds the names that subgraphs capture', (t) => {
    const inner = writeGraph('inner', { nodes: [buildNode('Add', ['local', 'deep'], ['sum'])], initializers: [], inputs: [], outputs: [info('sum')] })
    const thenBranch = writeGraph('then', {
      nodes: [buildNode('Mul', ['outer', 'own'], ['local']), buildNode('If', ['flag', ''], ['result'], { attributes: { then_branch: inner } })],
      initializers: [buildFloat('own', [1], [2])],
      inputs: [info('argument')],
      outputs: [info('result'), info('argument')]
    })
    const elseBranch = writeGraph('else', { nodes: [], initializers: [], inputs: [], outputs: [info('passed')] })
    const node = buildNode('If', ['condition'], ['result'], { attributes: { then_branch: thenBranch, else_branch: elseBranch } })
    assert.deepEqual(readBytes(t, writeOnnx(graphOf({ nodes: [node] }))).nodes[0]!.captures, ['outer', 'flag', 'deep', 'passed'])
  })

  it('refuses sparse weights', (t) => {
    const graph = Buffer.concat([writeGraph('g', graphOf({ nodes: [NODE] })), writeBytes(15, 'sparse')])
    assert.throws(() => readBytes(t, writeBytes(7, graph)), { code: 'model_unsupported' })
  })

  const BROKEN: readonly [string, Uint8Array][] = [
    ['an empty file', new Uint8Array(0)],
    ['text', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n')],
    ['zeros', new Uint8Array(1000)],
    ['a graph without nodes', writeOnnx(graphOf({}))]
  ]
  for (const [what, bytes] of BROKEN) {
    it(`rejects ${what} as model_invalid, naming the file`, (t) => {
      assert.throws(() => readBytes(t, bytes), { name: 'ServiceError', code: 'model_invalid', message: /^model\.onnx is not a readable ONNX file: / })
    })
  }

  it('rejects a file cut off anywhere as model_invalid, except where the cut leaves a whole graph without operator sets', (t) => {
    const bytes = writeOnnx({ ...mixedGraph(), functions: [], opsets: new Map([['', 18]]) })
    const graphEnd = bytes.length - writeBytes(8, [writeBytes(1, ''), writeInteger(2, 18)]).length
    const path = join(tempFolder(t), 'model.onnx')
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length))
      if (length === graphEnd) assert.equal(readOnnx(path).opsets.size, 0)
      else assert.throws(() => readOnnx(path), { code: 'model_invalid' }, `cut after ${length} bytes`)
    }
  })

  it('throws nothing but ServiceError on a damaged file', (t) => {
    const bytes = writeOnnx(mixedGraph())
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(bytes)
        damaged[at]! ^= change
        try {
          readBytes(t, damaged)
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error
        }
      })
    )
  })
})
