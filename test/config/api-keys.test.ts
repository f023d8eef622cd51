import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashOfKey, parseApiKeys } from '../../src/config/api-keys.ts'

const KEY = 'a-key-of-16-chars'
/** SHA-256 of "abc", FIPS 180-2. */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

const parsed = (text: string): string[] => parseApiKeys(text).map((hash) => hash.toString('hex'))

describe('parseApiKeys', () => {
  it('hashes plain keys with SHA-256', () => {
    assert.equal(hashOfKey('abc').toString('hex'), ABC)
    assert.deepEqual(parsed(KEY), [hashOfKey(KEY).toString('hex')])
  })

  it('accepts hashes in upper and lower case', () => assert.deepEqual(parsed(`sha256:${ABC}\nsha256:${ABC.toUpperCase()}`), [ABC, ABC]))

  it('ignores blank lines, comments and white space around keys', () => {
    assert.deepEqual(parsed(`# keys\r\n\r\n  ${KEY} \r\n\t\n#sha256:no\nsha256:${ABC}\n`), [hashOfKey(KEY).toString('hex'), ABC])
  })

  const REFUSED: readonly [string, string, RegExp][] = [
    ['a key of 15 characters', `${KEY}\n${'k'.repeat(15)}`, /^line 2 .* at least 16 characters$/],
    ['a hash that is too short', `#\n\nsha256:${ABC.slice(2)}`, /^line 3 .*64 hexadecimal digits$/],
    ['a hash that is too long', `sha256:${ABC}00`, /^line 1 .*64 hexadecimal digits$/],
    ['a hash with one digit too many', `sha256:${ABC}0`, /^line 1 .*64 hexadecimal digits$/],
    ['a hash followed by other text', `sha256:${ABC} ops team`, /^line 1 .*64 hexadecimal digits$/],
    ['a hash that is not hexadecimal', `sha256:${'z'.repeat(64)}`, /^line 1 .*64 hexadecimal digits$/],
    ['a file without keys', '# none yet\n', /has no key/]
  ]
  for (const [what, text, message] of REFUSED) {
    it(`rejects ${what}`, () => assert.throws(() => parseApiKeys(text), { name: 'ServiceError', code: 'configuration_invalid', message }))
  }

  it('never puts a key into its message', () => {
    assert.throws(
      () => parseApiKeys('secret'),
      (error: Error) => !error.message.includes('secret')
    )
  })
})
