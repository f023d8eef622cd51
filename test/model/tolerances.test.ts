import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { claimsFloat32, storedCeilingNats, toleranceCeilingNats } from '../../src/model/tolerances.ts'

describe('toleranceCeilingNats', () => {
  const FULL = { weights: 'float32', activations: 'float32', logits: 'float32' } as const
  it('is tight for float activations, whatever the weights', () => {
    assert.equal(toleranceCeilingNats({ ...FULL, weights: 'int4' }, 'cpu'), 1e-3)
  })
  it('is wider on a GPU', () => assert.equal(toleranceCeilingNats(FULL, 'cuda'), 1e-2))
  for (const numerics of [
    { ...FULL, activations: 'float16' },
    { ...FULL, logits: 'float16' },
    { ...FULL, activations: 'int8_blocks' }
  ] as const) {
    it(`is that of half precision for activations of ${numerics.activations} and logits of ${numerics.logits}`, () => {
      assert.equal(toleranceCeilingNats(numerics, 'cpu'), 0.1)
      assert.equal(claimsFloat32(numerics), false)
    })
  }
  it('is that of approximate models for one scale per tensor', () => assert.equal(toleranceCeilingNats({ ...FULL, activations: 'int8_tensor' }, 'cpu'), 0.5))
  it('claims float32 precision with 4-bit weights', () => assert.equal(claimsFloat32({ ...FULL, weights: 'int4' }), true))
})

describe('storedCeilingNats', () => {
  const FULL = { weights: 'int4', activations: 'float32', logits: 'float32' } as const
  it('is the ceiling where another processor only adds in another order', () => {
    for (const activations of ['float32', 'float16', 'int8_tensor'] as const)
      assert.equal(storedCeilingNats({ ...FULL, activations }, 'cpu'), toleranceCeilingNats({ ...FULL, activations }, 'cpu'))
  })
  it('leaves room for roundings to the other side where activations have 8 bits', () => {
    for (const activations of ['int8_blocks', 'int8_static', 'int8_rows'] as const) assert.equal(storedCeilingNats({ ...FULL, activations }, 'cpu'), 0.5)
  })
})
