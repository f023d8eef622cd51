import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load-config.ts'
import { openModel } from '../../src/model/open-model.ts'
import { resolvePrecision } from '../../src/model/precision/precision-plan.ts'
import { MemoryLedger } from '../../src/serving/memory-ledger.ts'
import { EMBEDDED_MODEL } from '../support/other-model.ts'

const MIB = 1 << 20
const { config } = loadConfig([], {})
const embedded = openModel(EMBEDDED_MODEL)

/** How many copies of the embedded model fit. */
function copiesWithin(limitBytes: number): number {
  const ledger = new MemoryLedger(limitBytes)
  for (let copies = 0; ; copies++) {
    try {
      ledger.reserve(embedded, null, config)
    } catch {
      return copies
    }
  }
}

describe('MemoryLedger', () => {
  it('refuses a model when those before it leave too little memory, with both figures', () => {
    const ledger = new MemoryLedger(400 * MIB)
    ledger.reserve(embedded, null, config)

    assert.throws(() => ledger.reserve(embedded, null, config), {
      code: 'model_too_large',
      message: /^the model needs \d+ MiB of memory, but the 1 model before it needs \d+ MiB of the limit of 400 MiB: serve fewer models/
    })
  })

  it('counts the front process once', () => {
    const [few, many] = [copiesWithin(1000 * MIB), copiesWithin(2000 * MIB)]
    // 1,000 MiB more hold more than twice as many.
    assert.ok(few >= 5 && many > 2 * few, `${few} and ${many}`)
  })

  it('leaves the first model to the check of its engine, which names a token budget that fits', () => {
    assert.doesNotThrow(() => new MemoryLedger(1).reserve(embedded, null, config))
  })

  it('counts 8-bit weights, of which two models fit where float32 ones do not', () => {
    const { model, plan } = resolvePrecision(embedded, 'int8', 'cpu')
    const ledger = new MemoryLedger(420 * MIB)
    ledger.reserve(model, plan, config)
    ledger.reserve(model, plan, config)
    assert.equal(copiesWithin(420 * MIB), 1)

    assert.throws(() => ledger.reserve(model, plan, config), { code: 'model_too_large', message: /the 2 models before it need/ })
  })
})
