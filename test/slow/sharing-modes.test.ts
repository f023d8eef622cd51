import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type LoadedModel, loadModel } from '../../src/engine/process/session.ts'
import { openModel } from '../../src/model/open-model.ts'
import { modelFixture } from '../support/model-fixture.ts'
import { type Random, randomOf } from '../support/random.ts'
import { type RunningService, startService } from '../support/running-service.ts'

/** Of all modes together. */
const REQUESTS = 2000
const CONNECTIONS = 24
/** Of the model. */
const PREFIX_TOKEN = 0
/** Nats a token in float32: packed rows and kept prefixes take the same sums in another order. */
const TOLERANCE_NATS = 1e-4
const MODES = [
  { packing: true, keeps: true },
  { packing: true, keeps: false },
  { packing: false, keeps: true },
  { packing: false, keeps: false }
]

interface Pair {
  readonly x: readonly number[]
  readonly y: readonly number[]
}
interface Answer {
  readonly log_prob: { readonly joint: number; readonly conditional: number }
  readonly tokens: readonly { readonly log_prob: number | null }[]
}

/** Pairs whose x are prefixes of each other, and occasionally share nothing. */
function randomPairs(random: Random, beginnings: readonly number[][]): Pair[] {
  const beginning = random.of(beginnings)
  return Array.from({ length: random.of([1, 1, 2, 4, 8]) }, () => ({
    x:
      random.between(0, 5) === 0
        ? random.ids(random.between(1, 40))
        : [...beginning.slice(0, random.between(1, beginning.length)), ...random.ids(random.between(0, 8))],
    y: random.ids(random.between(1, 12))
  }))
}

describe('modes of sharing', () => {
  const folder = modelFixture('llama')
  const random = randomOf(2000)
  const beginnings = Array.from({ length: 12 }, () => random.ids(random.between(30, 200)))
  const seen = new Map<string, Promise<readonly number[]>>()
  let reference: LoadedModel

  before(async () => {
    const { onnxPath, vocabSize, headSize } = openModel(folder)
    const numerics = { ceilingNats: 1e-3, approximateCeilingNats: 0.5, claimsFloat32: true }
    reference = await loadModel({ onnxPath, executionProvider: 'cpu', threads: 1, vocabSize, headSize, ...numerics, expectedFiles: {} })
  })
  after(() => reference.release())

  /** Log-probs of every token after the prefix token, from a pass over this sequence alone. */
  function expectedOf({ x, y }: Pair): Promise<readonly number[]> {
    const ids = [PREFIX_TOKEN, ...x, ...y]
    const key = ids.join()
    const known =
      seen.get(key) ??
      reference.score({ sequences: [{ ids: Int32Array.from(ids), firstScored: 1 }], topCount: null }).then(({ rows }) => [...rows[0]!.logProbs])
    seen.set(key, known)
    return known
  }

  for (const { packing, keeps } of MODES) {
    it(`give the scores of a text alone, ${packing ? 'with' : 'without'} packing and ${keeps ? 'with' : 'without'} prefix cache`, async (t) => {
      const service: RunningService = await startService({
        LOGPR_MODEL: folder,
        LOGPR_PACKING: String(packing),
        LOGPR_PREFIX_CACHE_BYTES: keeps ? '2000000' : '0',
        // A cached result would be correct whatever the engine does.
        LOGPR_RESULT_CACHE_BYTES: random.of(['0', '100000']),
        LOGPR_VERIFY_PERCENT: '0'
      })
      t.after(() => service.process.kill('SIGKILL'))
      const requests = Array.from({ length: REQUESTS / MODES.length }, () => randomPairs(random, beginnings))
      let largest = 0
      let results = 0
      const cached = { tokens: 0 }
      const ask = async (pairs: readonly Pair[]): Promise<void> => {
        const terms = results % 3 === 0 ? ['conditional'] : ['joint', 'marginal', 'conditional']
        const response = await service.post('/v1/logprob', { pairs, terms, detail: results % 2 === 0 ? 'tokens' : 'summary' })
        assert.equal(response.status, 200, await response.clone().text())
        const body = (await response.json()) as { results: readonly Answer[]; usage: { cached_tokens: number } }
        cached.tokens += body.usage.cached_tokens
        for (const [i, { log_prob: found }] of body.results.entries()) {
          const pair = pairs[i]!
          const expected = await expectedOf(pair)
          const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
          largest = Math.max(largest, Math.abs(found.conditional - sum(expected.slice(pair.x.length))) / pair.y.length)
          if (found.joint !== undefined) largest = Math.max(largest, Math.abs(found.joint - sum(expected)) / expected.length)
          results++
        }
      }
      const line = [...requests]
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          for (let next = line.pop(); next !== undefined; next = line.pop()) await ask(next)
        })
      )
      t.diagnostic(
        `${requests.length} requests, ${results} results: largest difference ${largest.toExponential(2)} nats per token, ${cached.tokens} tokens kept`
      )
      assert.ok(largest <= TOLERANCE_NATS, `${largest} nats per token`)
      assert.equal(
        results,
        requests.reduce((total, pairs) => total + pairs.length, 0)
      )
    })
  }
})
