import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { removeDead } from '../../../src/model/onnx/remove-dead.ts'
import { comparable, graphOf, info } from '../../support/onnx-model.ts'

function names(graph: Graph): { nodes: string[]; weights: string[]; inputs: string[] } {
  return {
    nodes: graph.nodes.map(({ outputs }) => outputs[0]!),
    weights: graph.initializers.map(({ name }) => name),
    inputs: graph.inputs.map(({ name }) => name)
  }
}

/** Node i reads and captures tensors before it; inputs are t0 and t1, weights t2 and t3. */
const randomGraph: fc.Arbitrary<Graph> = fc
  .array(fc.record({ reads: fc.array(fc.nat(), { maxLength: 3 }), captures: fc.array(fc.nat(), { maxLength: 2 }) }))
  .chain((specs) =>
    fc.array(fc.nat(specs.length + 3), { minLength: 1, maxLength: 3 }).map((outputs) =>
      graphOf({
        nodes: specs.map(({ reads, captures }, i) =>
          buildNode(
            'Op',
            reads.map((read) => `t${read % (i + 4)}`),
            [`t${i + 4}`],
            { captures: captures.map((capture) => `t${capture % (i + 4)}`) }
          )
        ),
        inputs: [info('t0'), info('t1')],
        initializers: [buildFloat('t2', [1], [1]), buildFloat('t3', [1], [1])],
        outputs: outputs.map((output) => info(`t${output}`))
      })
    )
  )

function definedIn(graph: Graph): Set<string> {
  return new Set([...graph.nodes.flatMap(({ outputs }) => outputs), ...graph.inputs.map(({ name }) => name), ...graph.initializers.map(({ name }) => name)])
}

describe('removeDead', () => {
  it('keeps the chain to the outputs, in order, and nothing else', () => {
    const graph = graphOf({
      nodes: [buildNode('A', ['in', 'w'], ['a']), buildNode('B', ['in2', 'w2'], ['b']), buildNode('C', ['a', ''], ['c', 'c2']), buildNode('D', ['c2'], ['d'])],
      initializers: [buildFloat('w', [1], [1]), buildFloat('w2', [1], [1])],
      inputs: [info('in'), info('in2')],
      outputs: [info('c')]
    })
    assert.deepEqual(names(removeDead(graph)), { nodes: ['a', 'c'], weights: ['w'], inputs: ['in'] })
  })

  it('keeps what subgraphs capture', () => {
    const graph = graphOf({
      nodes: [buildNode('A', ['in'], ['a']), buildNode('If', ['flag'], ['out'], { captures: ['a', 'w'] })],
      initializers: [buildFloat('w', [1], [1])],
      inputs: [info('in'), info('flag')],
      outputs: [info('out')]
    })
    assert.deepEqual(names(removeDead(graph)), { nodes: ['a', 'out'], weights: ['w'], inputs: ['in', 'flag'] })
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const once = removeDead(graph)
        assert.deepEqual(comparable(removeDead(once)), comparable(once))
      })
    )
  })

  it('leaves nothing undefined that outputs and kept nodes read', () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const kept = removeDead(graph)
        const defined = definedIn(kept)
        const wanted = [...kept.outputs.map(({ name }) => name), ...kept.nodes.flatMap(({ inputs, captures }) => [...inputs, ...captures])]
        assert.deepEqual(
          wanted.filter((name) => !defined.has(name)),
          []
        )
      })
    )
  })

  it('keeps nothing that no output and no kept node reads', () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const kept = removeDead(graph)
        const wanted = new Set([...kept.outputs.map(({ name }) => name), ...kept.nodes.flatMap(({ inputs, captures }) => [...inputs, ...captures])])
        assert.deepEqual(
          [...definedIn(kept)].filter((name) => !wanted.has(name)),
          []
        )
      })
    )
  })
})
