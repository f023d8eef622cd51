import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertFitTogether, bytesTogether } from '../../src/memory/fit-together.ts'

const MIB = 1 << 20
const models = [{ totalBytes: 500 * MIB }, { totalBytes: 300 * MIB }]

describe('several models in one service', () => {
  test('need less than the sum of what each needs alone, since the front process is there once', () => {
    assert.equal(bytesTogether([models[0]!]), 500 * MIB)
    const together = bytesTogether(models)
    assert.ok(together > 700 * MIB && together < 800 * MIB)
  })

  test('are refused when they fit alone but not together', () => {
    assertFitTogether(models, bytesTogether(models))
    assertFitTogether(models, null)
    assert.throws(() => assertFitTogether(models, 600 * MIB), {
      code: 'model_too_large',
      message: /^the 2 models need 715 MiB of memory together, more than the limit of 600 MiB: /
    })
  })
})
