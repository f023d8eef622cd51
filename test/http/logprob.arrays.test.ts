import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { logprobArraysOf } from '../../src/client/arrays.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { present } from '../support/present.ts'

/** Computed by transformers in float64: test/oracle/check_arrays.py. From `from` on, without the first token. */
const CASES = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'logprob', 'teacher.json'), 'utf8')) as readonly {
  readonly ids: readonly number[]
  readonly from?: number
  readonly log_probs: readonly number[]
  readonly top_ids: readonly (readonly number[])[]
  readonly top_log_probs: readonly (readonly number[])[]
}[]
const TOP = 8
/** Float32 differs from float64 by up to 7e-5 nats per token. */
const TOLERANCE = 1e-4
const IDS = [0, 485, 2334, 886, 322, 262]
const X = 'The children ran down to the'
const ZIP = 'application/zip'
const NDJSON = 'application/x-ndjson'

interface ArraysBody {
  readonly object: string
  readonly index: number
  readonly log_prob: Readonly<Record<string, number>>
  readonly from: number
  readonly ids: readonly number[]
  readonly log_probs: readonly (number | null)[]
  readonly top_ids?: readonly (readonly number[] | null)[]
  readonly top_log_probs?: readonly (readonly number[] | null)[]
  readonly byte_starts?: readonly (number | null)[]
  readonly byte_ends?: readonly (number | null)[]
  readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string }[] }
  readonly error?: { readonly code: string; readonly param?: string }
}

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

const asked = (body: unknown, accept = 'application/json', contentType = 'application/json'): Promise<Response> =>
  service.post('/v1/logprob', body, { headers: { accept, 'content-type': contentType } })

async function arrays(body: object): Promise<readonly ArraysBody[]> {
  const response = await asked({ format: 'arrays', ...body })
  assert.equal(response.status, 200, await response.clone().text())
  return ((await response.json()) as { results: readonly ArraysBody[] }).results
}

async function problem(body: object, accept?: string): Promise<{ readonly status: number; readonly code: string; readonly error: { readonly param: string } }> {
  return (await (await asked(body, accept)).json()) as { status: number; code: string; error: { param: string } }
}

function close(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length)
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(present(found[i]) - value) <= TOLERANCE, `${found[i]} is not ${value}`)
}

describe('POST /v1/logprob with format arrays', () => {
  const pairs = CASES.map(({ ids, from }) => ({ ids, ...(from === undefined ? {} : { from }) }))

  test('answers the log-probs and top tokens that transformers computes', async () => {
    const results = await arrays({ pairs, top_logprobs: TOP })
    for (const [i, { ids, from = 0, log_probs, top_ids, top_log_probs }] of CASES.entries()) {
      const found = present(results[i])
      assert.equal(found.from, from)
      assert.deepEqual(found.ids, ids.slice(from))
      assert.equal(found.log_probs.length, found.ids.length)
      close(
        found.log_probs.filter((value) => value !== null),
        log_probs
      )
      assert.equal(found.log_probs[0] === null, from === 0)
      const unscored = from === 0 ? 1 : 0
      assert.deepEqual(present(found.top_ids).slice(unscored), top_ids)
      for (const [row, expected] of top_log_probs.entries()) close(present(present(found.top_log_probs)[row + unscored]), expected)
      close([present(found.log_prob.conditional)], [log_probs.reduce((sum, value) => sum + value, 0)])
    }
  })

  test('answers the same values as a .npz file and as NDJSON', async () => {
    const body = { pairs: [...pairs, { x: X, y: ' river' }], top_logprobs: TOP, detail: 'tokens', format: 'arrays' }
    const listed = await arrays(body)
    const response = await asked(body, ZIP)
    assert.equal(response.headers.get('content-type'), ZIP)
    const file = await response.arrayBuffer()
    assert.equal(response.headers.get('content-length'), String(file.byteLength))
    const { sequences, usage } = logprobArraysOf(file)
    const lines = (await (await asked(body, NDJSON)).text()).trim().split('\n')
    assert.equal(usage.total_tokens > 0, true)
    assert.equal(sequences.length, listed.length)
    for (const [i, { result, start, ids, logProbs, topIds, byteStarts, topCount }] of sequences.entries()) {
      const expected = present(listed[i])
      assert.equal(start, expected.from)
      assert.deepEqual([...ids], expected.ids)
      assert.deepEqual(
        [...logProbs].map((value) => (Number.isNaN(value) ? null : value)),
        expected.log_probs
      )
      assert.equal(topCount, TOP)
      const rows = Array.from(ids, (_, row) => [...present(topIds).subarray(row * TOP, (row + 1) * TOP)])
      assert.deepEqual(
        rows.map((row) => (row[0] === -1 ? null : row)),
        expected.top_ids
      )
      assert.deepEqual(
        [...present(byteStarts)].map((value) => (value === -1 ? null : value)),
        expected.byte_starts
      )
      assert.deepEqual(result.object === 'logprob.arrays' ? result.log_prob : null, expected.log_prob)
      assert.ok(lines.some((line) => (JSON.parse(line) as ArraysBody).index === i && line === JSON.stringify(expected)))
    }
  })

  test('has up to 256 top tokens, in order', async () => {
    const [{ top_ids, top_log_probs } = assert.fail()] = await arrays({ ids: IDS, top_logprobs: 256 })
    assert.deepEqual(top_ids?.[0], null)
    assert.equal(new Set(top_ids?.[1]).size, 256)
    const row = present(top_log_probs?.[1])
    assert.deepEqual(
      row.toSorted((a, b) => b - a),
      row
    )
    assert.ok(row.reduce((sum, value) => sum + Math.exp(value), 0) <= 1.00001)
  })

  test('counts byte offsets through x and y together', async () => {
    const y = ' café.'
    const [{ byte_starts, byte_ends } = assert.fail()] = await arrays({ x: X, y, detail: 'tokens' })
    assert.equal(byte_starts?.[0], null)
    assert.equal(byte_starts?.[1], 0)
    assert.deepEqual(byte_ends?.slice(1, -1), byte_starts?.slice(2))
    assert.equal(byte_ends?.at(-1), Buffer.byteLength(X + y))
  })

  test('begins with y where only the conditional term is asked for', async () => {
    const [all, part] = [await arrays({ x: X, y: ' river' }), await arrays({ x: X, y: ' river', terms: ['conditional'] })].map(([first]) => present(first))
    assert.equal(present(all).from, 0)
    assert.deepEqual(present(all).ids.slice(present(part).from), present(part).ids)
    close(present(part).log_probs as number[], present(all).log_probs.slice(present(part).from) as number[])
  })

  test('has the error of a sequence in its place, and no entries for it in a file', async () => {
    const body = { pairs: [{ ids: IDS }, { ids: [0] }, { ids: IDS, from: 6 }, { ids: [0, 99_999] }, { ids: IDS, from: 3 }] }
    const codes = (await arrays(body)).map(({ error }) => error?.code ?? null)
    assert.deepEqual(codes, [null, 'empty_completion', 'empty_completion', 'token_out_of_range', null])
    const { sequences } = logprobArraysOf(await (await asked(body, ZIP)).arrayBuffer())
    assert.deepEqual(
      sequences.map(({ ids }) => ids.length),
      [6, 0, 0, 0, 3]
    )
    assert.deepEqual(
      sequences.map(({ result }) => ('error' in result ? result.error.code : null)),
      codes
    )
  })

  test('warns when ids lack the prefix token of the model', async () => {
    const [{ checks: whole } = assert.fail(), { checks: bare } = assert.fail()] = await arrays({ pairs: [{ ids: IDS }, { ids: IDS.slice(1) }] })
    assert.deepEqual([whole.verdict, whole.items], ['pass', []])
    assert.deepEqual([bare.verdict, bare.items.map(({ id }) => id)], ['warn', ['first_token']])
  })

  for (const [what, body, param] of [
    ['y beside ids', { ids: IDS, y: ' river' }, 'y'],
    ['from without ids', { x: X, y: ' river', from: 2 }, 'from'],
    ['an end token behind ids', { ids: IDS, eos: 'score' }, 'eos'],
    ['terms that ids do not have', { ids: IDS, terms: ['joint', 'marginal'] }, 'terms'],
    ['truncation of ids', { ids: IDS, on_overflow: 'truncate_left' }, 'on_overflow'],
    ['words as arrays', { x: X, y: ' river', detail: 'words', format: 'arrays' }, 'format'],
    ['spans of ids', { ids: IDS, spans: [{ part: 'y', char_start: 0, char_end: 1 }] }, 'spans'],
    ['more than 20 top tokens as objects', { ids: IDS, top_logprobs: 21 }, 'top_logprobs']
  ] as const)
    test(`refuses ${what}`, async () => {
      const { status, code, error } = await problem(body)
      assert.deepEqual([status, code, error.param], [400, 'invalid_request', param])
    })

  test('refuses a response that would exceed max-held-bytes before it scores anything', async () => {
    const small = await startApp({ env: { LOGPR_MAX_HELD_BYTES: '2048', LOGPR_MAX_BODY_BYTES: '2048' } })
    try {
      const body = { ids: IDS, format: 'arrays', top_logprobs: 256 }
      const { status, error } = (await (await small.post('/v1/logprob', body)).json()) as { status: number; error: { param: string } }
      assert.deepEqual([status, error.param], [400, 'top_logprobs'])
      assert.equal((await small.post('/v1/logprob', { ...body, top_logprobs: 2 })).status, 200)
    } finally {
      await small.close()
    }
  })
})

describe('the header Accept of /v1/logprob', () => {
  const body = { ids: IDS }
  for (const [accept, type] of [
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/x-ndjson, application/json;q=0.9', NDJSON],
    ['application/x-ndjson;q=0, application/json', 'application/json'],
    ['application/x-ndjson;q=0.2, application/json', 'application/json'],
    ['application/zip;q=0.4, application/x-ndjson;q=0.5', NDJSON],
    ['text/html, */*;q=0.1', 'application/json'],
    [ZIP, ZIP]
  ] as const)
    test(`${accept} is answered with ${type}`, async () => {
      const response = await asked(body, accept)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('content-type')?.split(';')[0], type)
    })

  test('without a type that fits is answered 406, which names those that do', async () => {
    const response = await asked(body, 'application/vnd.apache.arrow.stream')
    const { code, detail } = (await response.json()) as { code: string; detail: string }
    assert.deepEqual([response.status, code], [406, 'not_acceptable'])
    for (const type of ['application/json', NDJSON, ZIP]) assert.ok(detail.includes(type))
  })

  test('with format objects excludes a file of arrays', async () => {
    assert.equal((await asked({ ...body, format: 'objects' }, ZIP)).status, 406)
  })

  test('does not turn the answer to JSON Lines into another type', async () => {
    const lines = `${JSON.stringify({ format: 'arrays' })}\n${JSON.stringify(body)}\n`
    for (const accept of ['*/*', 'application/json', NDJSON]) {
      const [line = ''] = (await (await asked(lines, accept, NDJSON)).text()).split('\n')
      assert.equal((JSON.parse(line) as ArraysBody).object, 'logprob.arrays')
    }
    assert.equal((await asked(lines, ZIP, NDJSON)).status, 406)
  })
})
