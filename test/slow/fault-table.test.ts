import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { CatalogEntry } from '../../src/scoring/checks/catalog/entry.ts'
import { CHECK_CATALOG } from '../../src/scoring/checks/check.ts'
import { faultTable, isCaught, type Row, WHEN } from '../faults/table.ts'

describe('planted faults', () => {
  let rows: readonly Row[]
  before(async () => {
    rows = await faultTable()
  })

  test('at least 95 % are detected', () => {
    const real = rows.filter(({ fault }) => !fault.isHarmless)
    const unseen = real.filter((row) => !isCaught(row)).map(({ fault }) => fault.name)
    assert.ok(real.length >= 50)
    assert.ok(unseen.length <= 0.05 * real.length, `not noticed: ${unseen.join(', ')}`)
  })

  test('the unchanged service and harmless changes are not reported', () => {
    assert.deepEqual(
      rows.filter((row) => row.fault.isHarmless && isCaught(row)).map(({ fault }) => fault.name),
      []
    )
  })

  for (const [id, { runs }] of Object.entries<CatalogEntry>(CHECK_CATALOG)) {
    if (runs.includes('loss')) continue
    test(`${id} detects a fault`, () => {
      const noticed = rows.filter(({ findings }) => WHEN.some((when) => findings[when].includes(id)))
      assert.notDeepEqual(noticed, [])
    })
  }
})
