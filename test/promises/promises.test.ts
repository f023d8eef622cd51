import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allPromises } from './promise.ts'
import { readResults } from './results.ts'

test('every kept measurement is of a promise in its present wording', async () => {
  const promised = (await allPromises()).map(({ id, claim, target, suite }) => ({ id, claim, target, suite }))

  for (const { id, claim, target, suite } of readResults())
    assert.deepEqual(
      { id, claim, target, suite },
      promised.find((promise) => promise.id === id)
    )
})
