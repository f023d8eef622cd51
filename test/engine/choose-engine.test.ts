import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Candidate, chooseEngine } from '../../src/engine/choose-engine.ts'
import type { EngineState } from '../../src/engine/engine.ts'

const engine = (state: EngineState, tokensInHand: number, lastGiven = 0): Candidate => ({ state, tokensInHand, lastGiven })
const NOBODY: ReadonlySet<Candidate> = new Set()

describe('chooseEngine', () => {
  it('takes the ready engine with the fewest tokens in hand, whatever those that are not ready have', () => {
    const least = engine('ready', 10)
    assert.equal(chooseEngine([engine('ready', 30), engine('restarting', 0), least, engine('starting', 0), engine('failed', 0)], NOBODY, 100), least)
  })

  it('takes the one that has been idle longest among equals', () => {
    const longest = engine('ready', 0, 3)
    assert.equal(chooseEngine([engine('ready', 0, 5), longest, engine('ready', 0, 4)], NOBODY, 100), longest)
  })

  it('takes one that may become ready while none is', () => {
    const restarting = engine('restarting', 5)
    assert.equal(chooseEngine([engine('failed', 0), restarting, engine('starting', 7)], NOBODY, 100), restarting)
  })

  it('takes none when none ever will be ready', () => {
    assert.equal(chooseEngine([engine('failed', 0), engine('stopped', 0)], NOBODY, 100), undefined)
  })

  it('goes back to an engine that has the prefix while it is behind by less than the prefix is worth', () => {
    const [idle, holder] = [engine('ready', 0), engine('ready', 99)]
    assert.equal(chooseEngine([idle, holder], new Set([holder]), 100), holder)
    assert.equal(chooseEngine([idle, holder], new Set([holder]), 99), idle)
  })

  it('takes the least loaded of several that have the prefix, and none of them while it is not ready', () => {
    const [idle, near, far] = [engine('ready', 0), engine('ready', 20), engine('ready', 40)]
    assert.equal(chooseEngine([idle, far, near], new Set([far, near]), 100), near)
    const gone = engine('restarting', 0)
    assert.equal(chooseEngine([idle, gone], new Set([gone]), 100), idle)
  })
})
