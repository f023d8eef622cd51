import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requestIdOf } from '../../../src/http/plugins/request-context.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('requestIdOf', () => {
  for (const id of ['a', 'abc-1.2_Z', 'x'.repeat(64)]) it(`keeps the id ${id}`, () => assert.equal(requestIdOf({ headers: { 'x-request-id': id } }), id))

  const REFUSED: readonly [string, string | string[] | undefined][] = [
    ['none', undefined],
    ['an empty one', ''],
    ['one of 65 characters', 'x'.repeat(65)],
    ['one with a line break', 'a\nb'],
    ['one that ends in a line break', 'a\n'],
    ['one with a space', 'a b'],
    ['one outside ASCII', 'é'],
    ['two', ['a', 'b']]
  ]
  for (const [what, id] of REFUSED) it(`makes a new id in place of ${what}`, () => assert.match(requestIdOf({ headers: { 'x-request-id': id } }), UUID))

  it('makes a different id each time', () => assert.notEqual(requestIdOf({ headers: {} }), requestIdOf({ headers: {} })))
})
