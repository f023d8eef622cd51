import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ScoreProgress } from '../../src/cli/score-progress.ts'

function recorded(isTTY: boolean): { readonly stream: NodeJS.WriteStream; readonly written: string[] } {
  const written: string[] = []
  return { stream: { isTTY, columns: 60, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream, written }
}

const line = (file: string | null, number: number, sizeBytes = 99) => ({ file, number, bytes: Buffer.alloc(sizeBytes) })

describe('ScoreProgress', () => {
  it('tells the share by bytes, the errors and the time left', (t) => {
    let now = 0
    t.mock.method(performance, 'now', () => now)
    const { stream, written } = recorded(false)
    const progress = new ScoreProgress(stream, 1000, false)
    now = 4000
    progress.begin()
    for (let number = 1; number <= 2; number++) progress.add(line('a', number), [null, null])
    progress.add(line('a', 3), ['invalid_json'])
    progress.show()
    now = 34_000
    progress.show()
    assert.deepEqual(written, ['30 % of 1 KiB, 3 lines done, 1 error, 1 min 10 s left\n'])
  })

  it('rewrites one line on a terminal, cut to its width, and clears it once', (t) => {
    let now = 0
    t.mock.method(performance, 'now', () => now)
    const { stream, written } = recorded(true)
    const progress = new ScoreProgress(stream, null, false)
    progress.loading()
    progress.add(
      line(null, 1),
      Array.from({ length: 1_000_000 }, () => 'context_length_exceeded')
    )
    now = 1000
    progress.show()
    progress.clear()
    progress.clear()
    assert.deepEqual(written, ['\r\u001b[2Kloading the model', '\r\u001b[2K1 line done, 1,000,000 errors, 1.0 s', '\r\u001b[2K'])
  })

  it('sums up what was done, with the place of the first error, and skips blank lines', () => {
    const { stream, written } = recorded(false)
    const progress = new ScoreProgress(stream, null, false)
    progress.add(line('a', 1), [null])
    progress.add(line('a', 2), [])
    progress.add(line('b', 7), ['invalid_json'])
    progress.add(line('b', 8), ['invalid_utf8', null])
    progress.summarize(true)
    assert.match(written.join(''), /^interrupted after b line 8, 3 lines done in \d\.\d s: 2 results, 2 errors, the first invalid_json at b line 7\n$/)
    assert.ok(progress.hasErrors)
  })

  it('says nothing of a single pair, unless it is interrupted', () => {
    const { stream, written } = recorded(true)
    const progress = new ScoreProgress(stream, null, true)
    progress.loading()
    progress.add(line(null, 1), [null])
    progress.show()
    progress.summarize(false)
    assert.deepEqual(written, [])
  })
})
