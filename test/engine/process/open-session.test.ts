import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import { sessionOptions } from '../../../src/engine/process/open-session.ts'

function spins(threads: number, sharesCores?: boolean): unknown {
  const { extra } = sessionOptions({ executionProvider: 'cpu', threads, ...(sharesCores === undefined ? {} : { sharesCores }) }, '/models')
  return (extra as { session: { intra_op: { allow_spinning: string } } }).session.intra_op.allow_spinning
}

describe('sessionOptions', () => {
  it('lets the threads of a single engine spin when they leave a core to the front process', () => assert.equal(spins(1), '1'))

  it('lets no thread spin when the engine uses all cores', () => {
    if (availableParallelism() > 1) assert.equal(spins(availableParallelism()), '0')
    assert.equal(spins(availableParallelism() + 1), '0')
  })

  it('lets no thread spin when another engine process shares the cores', () => assert.deepEqual([spins(1, true), spins(1, false)], ['0', '1']))

  it('selects the faster 8-bit products only for weights that logpr rounded, whose sums fit into 16 bits', () => {
    const exactness = (precision?: { form: 'rows'; folder: string }): unknown => {
      const { extra } = sessionOptions({ executionProvider: 'cpu', threads: 1, ...(precision === undefined ? {} : { precision }) }, '/models')
      return (extra as { session: { x64quantprecision: string } }).session.x64quantprecision
    }
    assert.deepEqual([exactness(), exactness({ form: 'rows', folder: '/cache' })], ['1', '0'])
  })
})
