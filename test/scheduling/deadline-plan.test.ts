import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { excessMs, lateWork, mostUrgent, type TimedWork } from '../../src/scheduling/deadline-plan.ts'

const CAPACITY = { freeAtMs: 0, msPerToken: 1, batchMs: 0 }
const work = (tokens: number, deadlineAtMs: number, submittedAtMs = 0): TimedWork => ({ tokens, deadlineAtMs, submittedAtMs, priority: 'interactive' })
/** Submitted at its deadline, so that its margin is 0. */
const exact = (tokens: number, deadlineAtMs: number): TimedWork => work(tokens, deadlineAtMs, deadlineAtMs)

const CASES: readonly [string, readonly TimedWork[], TimedWork, number][] = [
  ['admits work that ends a tenth before its deadline', [], work(900, 1000), 0],
  ['returns the milliseconds that a newcomer exceeds its limit by', [], work(950, 1000), 50],
  ['counts work with an earlier deadline', [work(500, 800)], work(500, 1000), 400],
  ['ignores work that can run later', [work(500, 5000)], work(900, 1000), 0],
  ['refuses a newcomer that would leave other work less than a twentieth to spare', [work(900, 1000)], work(200, 500), 150],
  ['leaves out work that is late in any case', [work(2000, 1000)], work(900, 1000), 0],
  ['puts work without a deadline last', [work(1e9, Number.POSITIVE_INFINITY)], work(900, 1000), 0],
  ['admits any work without a deadline', [work(900, 1000)], work(1e9, Number.POSITIVE_INFINITY), Number.NEGATIVE_INFINITY]
]

describe('excessMs', () => {
  for (const [what, queue, newcomer, expected] of CASES) it(what, () => assert.equal(excessMs(queue, newcomer, CAPACITY), expected))

  it('keeps two fifths of the time in reserve where other work precedes, because the engine may get slower', () => {
    assert.equal(excessMs([work(100, 500)], work(450, 1000), CAPACITY), -50)
    assert.equal(excessMs([work(100, 500)], work(550, 1000), CAPACITY), 50)
  })

  it('starts when the engine is free, and counts at its speed', () =>
    assert.equal(excessMs([], work(100, 1000), { freeAtMs: 500, msPerToken: 5, batchMs: 0 }), 100))

  it('admits a newcomer exactly when some order finishes all work in time', () => {
    const some = fc.record({ tokens: fc.integer({ min: 1, max: 20 }), deadline: fc.integer({ min: 1, max: 60 }) }).map((at) => exact(at.tokens, at.deadline))
    fc.assert(
      fc.property(fc.array(some, { maxLength: 4 }), some, (queue, newcomer) => {
        const byDeadline = queue.toSorted((a, b) => a.deadlineAtMs - b.deadlineAtMs)
        const inTime = byDeadline.filter((_, index) => excessMs(onTime(byDeadline.slice(0, index)), byDeadline[index]!, CAPACITY) <= 0)
        const isPossible = orders([...inTime, newcomer]).some(allInTime)
        assert.equal(excessMs(byDeadline, newcomer, CAPACITY) <= 0, isPossible)
      })
    )
  })
})

describe('mostUrgent', () => {
  const URGENT: readonly [string, readonly TimedWork[], number | null][] = [
    ['nothing in an empty queue', [], null],
    ['nothing while all work has a quarter of its time to spare', [work(100, 1000), work(600, 1000)], null],
    ['the earliest when a later one has no time to spare', [work(100, 1000), work(1800, 2000)], 0],
    ['the first that is not late in any case', [work(2000, 1000), work(950, 1000)], 1],
    ['nothing when all work is late in any case', [work(2000, 1000)], null],
    ['no work without a deadline', [work(1e9, Number.POSITIVE_INFINITY)], null],
    ['no request without waiting work', [work(0, 500), work(940, 1000)], 1]
  ]
  for (const [what, queue, expected] of URGENT) it(`finds ${what}`, () => assert.equal(mostUrgent(queue, CAPACITY), expected))
})

describe('lateWork', () => {
  it('counts that work ends with its batch, of up to a tenth of the time that it has', () => {
    const queue = [work(100, 1000), work(820, 1000)]
    const lateAt = (batchMs: number): number => lateWork(queue, { ...CAPACITY, batchMs }).size
    assert.deepEqual([0, 75, 85, 5000].map(lateAt), [0, 0, 1, 1])
    assert.equal(lateWork([work(900, 1000)], { ...CAPACITY, batchMs: 5000 }).size, 0)
  })
})

/** The work that is in time in the order of deadlines. */
function onTime(byDeadline: readonly TimedWork[]): TimedWork[] {
  let end = 0
  return byDeadline.filter(({ tokens, deadlineAtMs }) => {
    if (end + tokens > deadlineAtMs) return false
    end += tokens
    return true
  })
}

function allInTime(order: readonly TimedWork[]): boolean {
  return onTime(order).length === order.length
}

function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) => orders(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}
