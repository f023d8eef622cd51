import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promisesOf, SUITES } from './promise.ts'
import { readResults } from './results.ts'

test('every promise has a kept measurement of its present wording, and every measurement a promise', async () => {
  const promised = await Promise.all(SUITES.map(async (suite) => (await promisesOf(suite)).map(({ id, claim, target }) => ({ id, claim, target, suite }))))

  const measured = readResults().map(({ id, claim, target, suite }) => ({ id, claim, target, suite }))

  assert.deepEqual(
    measured,
    promised.flat().sort((a, b) => a.id.localeCompare(b.id))
  )
})
