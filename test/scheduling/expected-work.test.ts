import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExpectedWork } from '../../src/scheduling/expected-work.ts'

const signal = (): AbortSignal => new AbortController().signal

describe('ExpectedWork', () => {
  it('counts a request until it submits its work, or ends without', () => {
    const expected = new ExpectedWork()
    const [first, second] = [signal(), signal()]
    expected.expect(first, 'one', 100)
    const release = expected.expect(second, 'two', 50)
    assert.deepEqual([expected.tokens, expected.tokensOf('one'), expected.tokensOf('two'), expected.tokensOf('three')], [150, 100, 50, 0])

    expected.submitted(first, 100)
    assert.equal(expected.tokens, 50)
    release()
    release()
    expected.submitted(second, 50)
    assert.equal(expected.tokens, 0)
  })

  it('expects little where most of the work turns out to be cached', () => {
    const expected = new ExpectedWork()
    for (let sent = 0; sent < 100; sent++) {
      const each = signal()
      expected.expect(each, 'one', 1000)
      expected.submitted(each, 10)
    }
    expected.expect(signal(), 'one', 1000)
    assert.ok(Math.abs(expected.tokens - 10) < 1, `${expected.tokens} tokens`)
  })

  it('expects more of the texts that have more tokens than their size suggests', () => {
    const expected = new ExpectedWork()
    for (let sent = 0; sent < 100; sent++) {
      const each = signal()
      expected.expect(each, 'one', 100)
      expected.submitted(each, sent % 2 === 0 ? 300 : 10_000)
    }
    assert.ok(expected.estimate(100) > 500 && expected.estimate(100) <= 800, `${expected.estimate(100)} tokens`)
  })
})
