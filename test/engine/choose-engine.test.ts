import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Candidate, chooseEngine, PrefixAffinity } from '../../src/engine/choose-engine.ts'
import type { Batch, EngineState } from '../../src/engine/engine.ts'

const engine = (state: EngineState, pendingTokens: number, lastBatchNumber = 0): Candidate => ({ state, pendingTokens, lastBatchNumber })
const NO_HOLDERS: ReadonlySet<Candidate> = new Set()

describe('chooseEngine', () => {
  it('chooses the ready engine with the fewest pending tokens, and none that is not ready', () => {
    const least = engine('ready', 10)
    assert.equal(chooseEngine([engine('ready', 30), engine('restarting', 0), least, engine('starting', 0), engine('failed', 0)], NO_HOLDERS, 100), least)
  })

  it('chooses the engine whose last batch is oldest among equally loaded ones', () => {
    const longest = engine('ready', 0, 3)
    assert.equal(chooseEngine([engine('ready', 0, 5), longest, engine('ready', 0, 4)], NO_HOLDERS, 100), longest)
  })

  it('chooses the least loaded engine that may become ready while none is', () => {
    const restarting = engine('restarting', 5)
    assert.equal(chooseEngine([engine('failed', 0), restarting, engine('starting', 7)], NO_HOLDERS, 100), restarting)
  })

  it('returns undefined when no engine will ever be ready', () => {
    assert.equal(chooseEngine([engine('failed', 0), engine('stopped', 0)], NO_HOLDERS, 100), undefined)
  })

  it('chooses a holder of the prefix unless its extra load reaches the length of the prefix', () => {
    const [idle, holder] = [engine('ready', 0), engine('ready', 99)]
    assert.equal(chooseEngine([idle, holder], new Set([holder]), 100), holder)
    assert.equal(chooseEngine([idle, holder], new Set([holder]), 99), idle)
  })

  it('chooses the least loaded of several holders, and no holder that is not ready', () => {
    const [idle, near, far] = [engine('ready', 0), engine('ready', 20), engine('ready', 40)]
    assert.equal(chooseEngine([idle, far, near], new Set([far, near]), 100), near)
    const gone = engine('restarting', 0)
    assert.equal(chooseEngine([idle, gone], new Set([gone]), 100), idle)
  })
})

const batch = (layout: 'plain' | 'shared', prefix: number, tail: number, tokens = 40): Batch => ({
  layout,
  topCount: null,
  sequences: [{ ids: Int32Array.from({ length: tokens }, (_, i) => (i < 32 ? prefix : tail)), firstScored: 1 }]
})
const holders = (affinity: PrefixAffinity<string>, asked: Batch): string[] => [...affinity.holdersOf(asked)]

describe('PrefixAffinity', () => {
  it('returns every engine that was given the leading tokens, whatever followed them', () => {
    const affinity = new PrefixAffinity<string>()
    affinity.note(batch('shared', 1, 10), 'a')
    affinity.note(batch('shared', 1, 11), 'b')
    assert.deepEqual(holders(affinity, batch('shared', 1, 12)), ['a', 'b'])
    assert.deepEqual(holders(affinity, batch('shared', 2, 10)), [])
  })

  it('has no preference for a plain batch or a short sequence', () => {
    const affinity = new PrefixAffinity<string>()
    for (const each of [batch('plain', 1, 10), batch('shared', 3, 10, 31)]) affinity.note(each, 'a')
    assert.deepEqual(holders(affinity, batch('shared', 1, 10)), [])
    assert.deepEqual(holders(affinity, batch('shared', 3, 10, 31)), [])
    affinity.note(batch('shared', 1, 10), 'a')
    assert.deepEqual(holders(affinity, batch('plain', 1, 10)), [])
  })

  it('forgets an engine whose process ended and keeps the others', () => {
    const affinity = new PrefixAffinity<string>()
    for (const holder of ['a', 'b']) affinity.note(batch('shared', 1, 10), holder)
    affinity.forget('a')
    assert.deepEqual(holders(affinity, batch('shared', 1, 10)), ['b'])
  })

  it('forgets the least recently used prefix', () => {
    const affinity = new PrefixAffinity<string>()
    for (let prefix = 0; prefix < 1024; prefix++) affinity.note(batch('shared', prefix, 0), 'a')
    affinity.note(batch('shared', 0, 0), 'b')
    affinity.note(batch('shared', 1024, 0), 'a')
    assert.deepEqual(holders(affinity, batch('shared', 0, 0)), ['a', 'b'])
    assert.deepEqual(holders(affinity, batch('shared', 1, 0)), [])
  })
})
