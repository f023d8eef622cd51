import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { TRAPS } from './traps.ts'

describe('traps of the protocols', () => {
  test('are all listed', () => {
    assert.deepEqual(
      TRAPS.map(({ id }) => id),
      Array.from({ length: 24 }, (_, i) => `T${i + 1}`)
    )
  })

  for (const { id, tests } of TRAPS) {
    test(`${id} has the tests that the list names`, () => {
      assert.ok(tests.length > 0)
      for (const [file, name] of tests) {
        assert.ok(readFileSync(join(PACKAGE_FOLDER, 'test', file), 'utf8').includes(name), `${file} has no test named: ${name}`)
      }
    })
  }
})
