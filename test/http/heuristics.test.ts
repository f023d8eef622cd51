import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { present } from '../support/present.ts'

interface Answer {
  readonly jailbreak: boolean
  readonly length_per_perplexity?: boolean
  readonly prefix_suffix_perplexity?: boolean
  readonly scores: Readonly<Record<'length_per_perplexity' | 'prefix_perplexity' | 'suffix_perplexity', number | null>>
}

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

async function answered(path: string, body: object): Promise<Answer> {
  const response = await service.post(path, body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Answer
}
async function perplexityOf(text: string): Promise<number> {
  const response = await service.post('/v1/perplexity', { text })
  return ((await response.json()) as { results: { perplexity: { per_token: number } }[] }).results[0]?.perplexity.per_token ?? Number.NaN
}

const SENTENCE = 'The children ran down to the river and they saw a little boat that was going slowly down with the wind to the sea'
const GARBAGE = `${SENTENCE} zx]] !!qv --> tk;; wq(( pfr xx"" jj@@ vlorp gnz ++k zzt qq~~ bnm,, wtf## ky== rrx plm^^ vv// trailing`

describe('POST /heuristics', () => {
  test('compares the characters over the perplexity with the threshold', async () => {
    const score = [...SENTENCE].length / (await perplexityOf(SENTENCE))
    const { scores } = await answered('/heuristics', { prompt: SENTENCE })
    assert.ok(Math.abs(present(scores.length_per_perplexity) / score - 1) < 1e-4)
    for (const [threshold, jailbreak] of [
      [score * 0.999, true],
      [score * 1.001, false]
    ] as const) {
      assert.equal((await answered('/jailbreak_lp_heuristic', { prompt: SENTENCE, lp_threshold: threshold })).jailbreak, jailbreak)
      const all = await answered('/heuristics', { prompt: SENTENCE, lp_threshold: threshold, ps_ppl_threshold: 1e9 })
      assert.deepEqual([all.jailbreak, all.length_per_perplexity, all.prefix_suffix_perplexity], [jailbreak, jailbreak, false])
    }
  })

  test('takes the first 19 words and the 19 before the last one', async () => {
    const words = GARBAGE.split(' ')
    const { scores, jailbreak, prefix_suffix_perplexity } = await answered('/heuristics', { prompt: `\n ${GARBAGE}\u00a0 `, lp_threshold: null })
    // The two were scored in one batch.
    const near = (found: number | null, expected: number): void => assert.ok(Math.abs(present(found) / expected - 1) < 1e-4, `${found}, ${expected}`)
    near(scores.prefix_perplexity, await perplexityOf(words.slice(0, 19).join(' ')))
    near(scores.suffix_perplexity, await perplexityOf(words.slice(-20, -1).join(' ')))
    assert.deepEqual([jailbreak, prefix_suffix_perplexity], [true, true])
    const own = await answered('/jailbreak_ps_heuristic', { prompt: GARBAGE, ps_ppl_threshold: 2 * present(scores.suffix_perplexity) })
    assert.deepEqual([own.jailbreak, own.scores.length_per_perplexity], [false, null])
  })

  test('finds nothing in a prompt with too few words or tokens', async () => {
    for (const prompt of ['', ' ', 'a', 'A short one.']) {
      const { jailbreak, scores } = await answered('/heuristics', { prompt, lp_threshold: 1e9, ps_ppl_threshold: 0 })
      assert.deepEqual([jailbreak, scores.prefix_perplexity, scores.suffix_perplexity], [false, null, null])
      assert.equal((await answered('/jailbreak_ps_heuristic', { prompt, ps_ppl_threshold: 0 })).jailbreak, false)
    }
  })

  test('takes null for the default, and fields that it does not know, as the server of NeMo Guardrails does', async () => {
    const { jailbreak } = await answered('/heuristics', { prompt: SENTENCE, lp_threshold: null, ps_ppl_threshold: null, other: 1 })
    assert.equal(typeof jailbreak, 'boolean')
    for (const body of [{}, { prompt: 3 }, { prompt: 'a', lp_threshold: 'x' }]) assert.equal((await service.post('/heuristics', body)).status, 400)
    assert.equal((await service.post('/heuristics', { prompt: 'a \ud800 b' })).status, 400)
  })
})
