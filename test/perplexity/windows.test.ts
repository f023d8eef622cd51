import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WindowRule } from '../../src/perplexity/request.ts'
import { type TextWindow, WindowCutter } from '../../src/perplexity/windows.ts'

/** The windows of the positions 0 to count - 1, pushed in pieces. */
function windowsOf(count: number, rule: WindowRule, piece: number): TextWindow[] {
  const cutter = new WindowCutter(rule)
  const windows: TextWindow[] = []
  for (let start = 0; start < count; start += piece)
    windows.push(...cutter.push(Int32Array.from({ length: Math.min(piece, count - start) }, (_, i) => start + i)))
  return [...windows, ...cutter.end()]
}

type Pair = readonly [first: number, scored: number, end: number]
const pairsOf = (windows: readonly TextWindow[]): Pair[] =>
  windows.map(({ ids, firstScored }) => [ids[0] ?? -1, (ids[0] ?? -1) + firstScored, (ids.at(-1) ?? -1) + 1])

/** The loop of the Hugging Face documentation. */
function recipe(count: number, maxLength: number, stride: number): Pair[] {
  const windows: Pair[] = []
  let previousEnd = 0
  for (let begin = 0; begin < count; begin += stride) {
    const end = Math.min(begin + maxLength, count)
    windows.push([begin, Math.max(previousEnd, 1), end])
    previousEnd = end
    if (end === count) break
  }
  return windows.filter(([, scored, end]) => scored < end)
}

/** `get_rolling_token_windows` and `make_disjoint_window` of lm-evaluation-harness; position 0 is the prefix token. */
function rolling(count: number, maxLength: number): Pair[] {
  const windows: Pair[] = []
  let scored = 1
  while (scored < count) {
    const end = Math.min(scored + maxLength, count)
    windows.push([Math.max(0, end - maxLength - 1), scored, end])
    scored = end
  }
  return windows
}

describe('WindowCutter', () => {
  test('cuts as the loop of the recipe, however the tokens arrive', () => {
    for (let count = 0; count <= 40; count++)
      for (const maxLength of [2, 3, 7, 16])
        for (let stride = 1; stride < maxLength; stride++)
          for (const piece of [1, 5, 100])
            assert.deepEqual(
              pairsOf(windowsOf(count, { kind: 'strided', maxLength, stride }, piece)),
              recipe(count, maxLength, stride),
              `${count} tokens, ${maxLength}, ${stride}, in pieces of ${piece}`
            )
  })

  test('cuts as the rolling windows of lm-evaluation-harness, however the tokens arrive', () => {
    for (let count = 0; count <= 40; count++)
      for (const maxLength of [1, 2, 3, 7, 16])
        for (const piece of [1, 5, 100])
          assert.deepEqual(
            pairsOf(windowsOf(count, { kind: 'disjoint', maxLength, stride: maxLength }, piece)),
            rolling(count, maxLength),
            `${count} tokens, ${maxLength}, in pieces of ${piece}`
          )
  })

  test('holds no more tokens than one window, one stride and one piece', () => {
    const cutter = new WindowCutter({ kind: 'strided', maxLength: 64, stride: 32 })
    for (let i = 0; i < 1000; i++)
      for (const { ids } of cutter.push(new Int32Array(100))) assert.ok(ids.buffer.byteLength <= 4 * (64 + 32 + 100), String(ids.buffer.byteLength))
  })
})
