import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PrefixAffinity } from '../../src/engine/choose-engine.ts'
import type { Batch } from '../../src/engine/engine.ts'

const batch = (layout: 'plain' | 'shared', prefix: number, tail: number, tokens = 40): Batch => ({
  layout,
  topCount: null,
  sequences: [{ ids: Int32Array.from({ length: tokens }, (_, i) => (i < 32 ? prefix : tail)), firstScored: 1 }]
})
const holders = (affinity: PrefixAffinity<string>, asked: Batch): string[] => [...affinity.holdersOf(asked)]

describe('PrefixAffinity', () => {
  it('knows every engine that was given the leading tokens, whatever followed them', () => {
    const affinity = new PrefixAffinity<string>()
    affinity.note(batch('shared', 1, 10), 'a')
    affinity.note(batch('shared', 1, 11), 'b')
    assert.deepEqual(holders(affinity, batch('shared', 1, 12)), ['a', 'b'])
    assert.deepEqual(holders(affinity, batch('shared', 2, 10)), [])
  })

  it('sends no plain batch and no short text anywhere in particular', () => {
    const affinity = new PrefixAffinity<string>()
    for (const each of [batch('plain', 1, 10), batch('shared', 3, 10, 31)]) affinity.note(each, 'a')
    assert.deepEqual(holders(affinity, batch('shared', 1, 10)), [])
    assert.deepEqual(holders(affinity, batch('shared', 3, 10, 31)), [])
    affinity.note(batch('shared', 1, 10), 'a')
    assert.deepEqual(holders(affinity, batch('plain', 1, 10)), [])
  })

  it('forgets an engine whose process ended, and no other', () => {
    const affinity = new PrefixAffinity<string>()
    for (const holder of ['a', 'b']) affinity.note(batch('shared', 1, 10), holder)
    affinity.forget('a')
    assert.deepEqual(holders(affinity, batch('shared', 1, 10)), ['b'])
  })

  it('forgets the prefix that was not used for longest', () => {
    const affinity = new PrefixAffinity<string>()
    for (let prefix = 0; prefix < 1024; prefix++) affinity.note(batch('shared', prefix, 0), 'a')
    affinity.note(batch('shared', 0, 0), 'b')
    affinity.note(batch('shared', 1024, 0), 'a')
    assert.deepEqual(holders(affinity, batch('shared', 0, 0)), ['a', 'b'])
    assert.deepEqual(holders(affinity, batch('shared', 1, 0)), [])
  })
})
