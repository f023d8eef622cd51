import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InferenceSession, Tensor } from '../../../src/engine/process/onnxruntime.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import { blockOf, sumOverVocabulary } from '../../../src/model/onnx/vocabulary-sums.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'

/** The sums of two rows of V floats: one term of 1 among terms of 3e-8, which a running float32 sum loses. */
async function sumsOf(V: number, width: number | null, opset = 17): Promise<{ found: number[]; expected: number }> {
  const { nodes, initializers } = sumOverVocabulary(opset, 'terms', 'sum', width)
  const graph = graphOf({ nodes, initializers, inputs: [info('terms', FLOAT, ['rows', V])], outputs: [info('sum', FLOAT, ['rows', 1])] })
  const session = await InferenceSession.create(Buffer.from(writeOnnx({ ...graph, opsets: new Map([['', opset]]) })))
  const terms = new Float32Array(2 * V).fill(3e-8)
  terms[0] = 1
  terms[2 * V - 1] = 1
  const { sum: output } = await session.run({ terms: new Tensor('float32', terms, [2, V]) })
  const sum = present(output)
  await session.release()
  assert.deepEqual(sum.dims, [2, 1])
  return { found: [...(sum.data as Float32Array)], expected: 1 + (V - 1) * Math.fround(3e-8) }
}

describe('sumOverVocabulary', () => {
  const CASES: readonly [string, number, number | null, number?][] = [
    ['Gemma 3, in blocks', 262_144, 262_144],
    ['GPT-2, in blocks', 50_257, 50_257],
    ['a prime width, in float64', 65_537, 65_537],
    ['a width that the graph does not state', 262_144, null],
    ['a small width, at once', 101, 101],
    ['operator set 11, with axes as attributes', 262_144, 262_144, 11]
  ]
  for (const [what, V, width, opset] of CASES) {
    it(`keeps the tail of a row: ${what}`, async () => {
      const { found, expected } = await sumsOf(V, width, opset)
      for (const sum of found) assert.ok(Math.abs(sum - expected) <= 2e-5, `${sum} instead of ${expected}`)
    })
  }
})

describe('blockOf', () => {
  it('is a divisor near 1,024', () => {
    assert.deepEqual([262_144, 151_936, 128_256, 50_257, 32_000].map(blockOf), [1024, 1187, 1002, 1733, 1000])
  })

  it('is null for a width that no block divides', () => assert.equal(blockOf(65_537), null))
})
