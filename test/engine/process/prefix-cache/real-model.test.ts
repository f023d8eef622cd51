import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { halfTensor } from '../../../../src/engine/process/half-tensor.ts'
import { InferenceSession, Tensor } from '../../../../src/engine/process/onnxruntime.ts'
import type { CacheArray, CacheTensor } from '../../../../src/engine/process/prefix-cache/cache-tensor.ts'
import { PrefixCache } from '../../../../src/engine/process/prefix-cache/prefix-cache.ts'
import { buildNode } from '../../../../src/model/onnx/build-node.ts'
import { FLOAT, FLOAT16 } from '../../../../src/model/onnx/data-types.ts'
import { readOnnx } from '../../../../src/model/onnx/read.ts'
import { writeOnnx } from '../../../../src/model/onnx/write.ts'
import { PACKAGE_FOLDER } from '../../../../src/process/package-info.ts'
import { numbersOf } from '../../../support/half-numbers.ts'
import { graphOf, info } from '../../../support/onnx-model.ts'
import { present } from '../../../support/present.ts'
import { int64 } from '../../../support/scoring-session.ts'

const MODELS = join(PACKAGE_FOLDER, 'test', 'data', 'models')
const CASES = [
  { file: 'llama/model.onnx', tolerance: 1e-5 },
  { file: 'llama-fp16-io/model_fp16.onnx', tolerance: 2e-2 }
]

interface Pass {
  /** (S, V) row-major */
  readonly logits: readonly number[]
  readonly present: ReadonlyMap<string, ArrayBufferView>
}

/** The model as exported, with one sequence per pass. */
async function open(path: string): Promise<{ tensors: CacheTensor[]; pass(ids: Int32Array, past: ReadonlyMap<string, CacheArray>): Promise<Pass> }> {
  const graph = readOnnx(path)
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1 })
  const tensors = graph.inputs
    .filter(({ name }) => name.startsWith('past_key_values'))
    .map(({ name, shape, elementType }): CacheTensor => {
      const [, heads, , size] = present(shape)
      assert.ok(typeof heads === 'number' && typeof size === 'number')
      return { past: name, heads, size, elementBytes: elementType === FLOAT16 ? 2 : 4 }
    })
  return {
    tensors,
    async pass(ids, past) {
      const [S, P] = [ids.length, past.get(tensors[0]!.past)!.length / (tensors[0]!.heads * tensors[0]!.size)]
      const inputs = new Map<string, Tensor>([
        ['input_ids', int64([...ids], [1, S])],
        ['attention_mask', int64(Array<number>(P + S).fill(1), [1, P + S])],
        [
          'position_ids',
          int64(
            Array.from({ length: S }, (_, i) => P + i),
            [1, S]
          )
        ],
        ...tensors.map(({ past: name, heads, size, elementBytes }): [string, Tensor] => {
          const data = past.get(name)!
          const dims = [1, heads, P, size]
          return [name, elementBytes === 2 ? halfTensor(data as Uint16Array, dims) : new Tensor('float32', data as Float32Array, dims)]
        })
      ])
      const outputs = await session.run(Object.fromEntries([...inputs].filter(([name]) => session.inputNames.includes(name))))
      const logits = outputs.logits!
      const present = new Map(tensors.map(({ past: name }) => [name, outputs[name.replace('past_key_values', 'present')]!.data as Float32Array]))
      return { logits: numbersOf(logits), present }
    }
  }
}

describe('a model fed with keys and values from the cache', () => {
  for (const { file, tolerance } of CASES) {
    test(`${file} gives the logits of a pass over the whole text`, async () => {
      const { tensors, pass } = await open(join(MODELS, file))
      const cache = new PrefixCache(tensors, 2 ** 20)
      const none = cache.assemble(cache.match(new Int32Array(0), 0), 0)
      const text = (...ending: number[]): Int32Array => Int32Array.from([5, 9, 17, 3, 22, 8, 14, 6, ...ending])
      // The third diverges inside the run of the second, the fourth inside the first.
      const texts = [text(), text(11, 12, 13, 4), text(11, 12, 7), Int32Array.of(5, 9, 17, 40, 41)]
      for (const ids of [...texts, ...texts]) {
        const whole = await pass(ids, none)
        const match = cache.match(ids, ids.length - 1)
        const rest = await pass(ids.subarray(match.length), cache.assemble(match, match.length))
        const V = whole.logits.length / ids.length
        const expected = whole.logits.slice(match.length * V)
        const worst = Math.max(...expected.map((logit, i) => Math.abs(logit - rest.logits[i]!)))
        assert.ok(worst <= tolerance, `${worst}`)
        const columns = Int32Array.from({ length: ids.length - match.length }, (_, i) => match.length + i)
        assert.equal(cache.insert(ids, { from: match.length, columns, present: rest.present }, null), ids.length)
      }
      assert.equal(cache.counters.storedTokens, 8 + 4 + 1 + 2)
      assert.ok(cache.counters.hitTokens > 4 * 3)
    })
  }

  test('rejects a past that another one replaced, even in a tensor that was made before', async () => {
    const { tensors, pass } = await open(join(MODELS, 'llama/model.onnx'))
    const cache = new PrefixCache(tensors, 2 ** 20)
    const ids = Int32Array.of(5, 9, 17, 3)
    const { present } = await pass(ids, cache.assemble(cache.match(ids, 0), 0))
    cache.insert(ids, { from: 0, columns: Int32Array.of(0, 1, 2, 3), present }, null)
    const match = cache.match(ids, 4)
    const { past, heads, size } = tensors[0]!
    const elements = cache.assemble(match, 3).get(past)!
    const tensor = new Tensor('float32', elements as Float32Array, [1, heads, 3, size])
    const identity = writeOnnx(
      graphOf({
        nodes: [buildNode('Identity', [past], ['same'])],
        inputs: [info(past, FLOAT, [1, heads, 'past', size])],
        outputs: [info('same', FLOAT, [1, heads, 'past', size])]
      })
    )
    const session = await InferenceSession.create(identity, { intraOpNumThreads: 1, logSeverityLevel: 4 })
    assert.deepEqual((await session.run({ [past]: tensor })).same!.data, elements)
    cache.assemble(match, 2)
    assert.throws(() => new Tensor('float32', elements as Float32Array, [1, heads, 3, size]))
    await assert.rejects(session.run({ [past]: tensor }))
  })
})
