import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LogprobItem } from '../../src/encoding/logprob-item.ts'
import { DEFAULT_OPTIONS } from '../../src/encoding/logprob-item.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Outcome } from '../../src/evaluation/logprob-evaluator.ts'
import { ItemList } from '../../src/logprob/item-source.ts'
import { ResultStream, type StreamParts } from '../../src/logprob/result-stream.ts'
import type { Summary } from '../../src/logprob/stream-totals.ts'
import type { WorkTerms } from '../../src/scheduling/job.ts'
import { present } from '../support/present.ts'

const USAGE = { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3, computed_tokens: 2, cached_tokens: 0 }

function itemsOf(count: number): LogprobItem[] {
  return Array.from({ length: count }, (_, index) => ({ index, candidate: 0, id: null, x: [1], y: [2], param: { x: 'x', y: 'y' } }))
}

interface Asked {
  readonly count: number
  readonly terms: WorkTerms
}

/** A stream whose evaluator answers each portion at once, unless `refuse` says why not. */
function streamOf(count: number, refuse: (asked: Asked, attempt: number) => ServiceError | null = () => null) {
  const leaving = new AbortController()
  const asked: Asked[] = []
  let attempts = 0
  const parts: StreamParts = {
    source: new ItemList(itemsOf(count)),
    evaluator: {
      encode: async (items) => items.map(() => new ServiceError('internal_error', 'not used')),
      evaluateEncoded: async <T>(
        items: readonly LogprobItem[],
        _: unknown,
        __: unknown,
        terms: WorkTerms,
        show: (outcome: Outcome) => T | Promise<T> = (outcome) => outcome as T
      ) => {
        terms.signal.throwIfAborted()
        const refusal = refuse({ count: items.length, terms }, attempts++)
        if (refusal !== null) throw refusal
        asked.push({ count: items.length, terms })
        const outcomes = items.map(async (item) => show({ item, error: new ServiceError('empty_completion', 'planted') }))
        return { outcomes, usage: Promise.all(outcomes).then(() => USAGE) }
      }
    },
    options: DEFAULT_OPTIONS,
    largestBytes: 0,
    termsNow: (wholeFactor) => ({ signal: leaving.signal, wholeFactor }),
    present: async (outcome) => ({ json: Buffer.from(JSON.stringify({ index: outcome.item.index })), error: 'error' in outcome ? outcome.error : null }),
    onStarted: () => {},
    onProgress: () => {}
  }
  return { stream: new ResultStream(parts), asked, leaving }
}

const QUEUE_FULL = new ServiceError('queue_full', 'planted', { retryAfterSeconds: 0.01 })

interface Line {
  readonly index?: number
  readonly error?: { readonly code: string }
  readonly summary?: Summary
}

async function linesOf(stream: ResultStream): Promise<Line[]> {
  const lines: Line[] = []
  for await (const chunk of stream.lines((summary) => ({ summary })))
    lines.push(
      ...String(chunk)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
    )
  return lines
}

describe('a stream of results', () => {
  test('has each item once, in several portions, and totals at the end', async () => {
    const { stream, asked } = streamOf(1000)
    await stream.begin()
    const lines = await linesOf(stream)
    const { summary } = present(lines.pop())
    assert.deepEqual(
      lines.map(({ index }) => present(index)).toSorted((a, b) => a - b),
      Array.from({ length: 1000 }, (_, i) => i)
    )
    assert.ok(asked.length > 2)
    assert.equal(
      asked.reduce((sum, { count }) => sum + count, 0),
      1000
    )
    const { items, ok, failed, usage } = present(summary)
    assert.deepEqual({ items, ok, failed }, { items: 1000, ok: 0, failed: { empty_completion: 1000 } })
    assert.equal(usage.total_tokens, 3 * asked.length)
  })

  test('starts no more work than two portions while nobody reads', async () => {
    const { stream, asked } = streamOf(10_000)
    await stream.begin()
    const lines = stream.lines(null)
    await lines.next()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const before = asked.length
    assert.ok(before <= 2, `${before} portions were started`)
    await lines.return(undefined)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(asked.length, before)
  })

  test('is refused as a whole when even a small part of its first portion has no room', async () => {
    const counts: number[] = []
    const { stream } = streamOf(1000, ({ count }) => {
      counts.push(count)
      return QUEUE_FULL
    })
    await assert.rejects(stream.begin(), { code: 'queue_full' })
    assert.deepEqual(counts, [128, 64, 32, 16, 8])
  })

  test('sends less at a time where less has room', async () => {
    const { stream, asked } = streamOf(300, ({ count }) => (count > 20 ? QUEUE_FULL : null))
    await stream.begin()
    const lines = await linesOf(stream)
    assert.equal(lines.length, 301)
    assert.ok(asked.every(({ count }) => count <= 20))
  })

  test('waits for room after it has begun, and loses nothing', async () => {
    const { stream } = streamOf(400, (_, attempt) => (attempt > 0 && attempt < 12 ? QUEUE_FULL : null))
    await stream.begin()
    const lines = await linesOf(stream)
    assert.equal(present(lines.at(-1)?.summary).failed.queue_full, undefined)
    assert.equal(lines.length, 401)
  })

  test('gives every item that is left the reason when its signal aborts', async () => {
    const { stream, leaving } = streamOf(400, (_, attempt) => (attempt > 0 ? QUEUE_FULL : null))
    await stream.begin()
    setTimeout(() => leaving.abort(new ServiceError('deadline_exceeded', 'planted')), 20)
    const lines = await linesOf(stream)
    const { items, failed } = present(lines.pop()?.summary)
    assert.deepEqual({ items, failed }, { items: 400, failed: { empty_completion: 128, deadline_exceeded: 272 } })
    assert.equal(new Set(lines.map(({ index }) => index)).size, 400)
  })

  test('tells admission how much of the request is to come', async () => {
    const { stream, asked } = streamOf(1280)
    await stream.begin()
    await linesOf(stream)
    const [first] = asked
    assert.equal(first?.terms.wholeFactor, 10)
    assert.equal(asked.at(-1)?.terms.wholeFactor, 1)
  })
})

describe('the items of a document', () => {
  test('keep the outputs of one pair together', async () => {
    const items = itemsOf(10).map((item, i) => ({ ...item, candidate: i % 5 }))
    const source = new ItemList(items)
    assert.deepEqual([(await source.take(3)).length, source.takenShare, (await source.take(3)).length, (await source.take(3)).length], [5, 0.5, 5, 0])
  })
})
