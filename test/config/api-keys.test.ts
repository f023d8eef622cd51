import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiKeys, hashOfKey, parseApiKeys } from '../../src/config/api-keys.ts'

const KEY = 'a-key-of-16-chars'
/** SHA-256 of "abc", FIPS 180-2. */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

const parsed = (text: string): string[] => parseApiKeys(text).map(({ hash }) => hash.toString('hex'))

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
    ['a key of 15 characters', `${KEY}\n${'k'.repeat(15)}`, /^the API key file is invalid: line 2: .* at least 16 characters$/],
    ['a hash that is too short', `#\n\nsha256:${ABC.slice(2)}`, /^the API key file is invalid: line 3: .*64 hexadecimal digits$/],
    ['a hash that is too long', `sha256:${ABC}00`, /^the API key file is invalid: line 1: .*64 hexadecimal digits$/],
    ['a hash with one digit too many', `sha256:${ABC}0`, /^the API key file is invalid: line 1: .*64 hexadecimal digits$/],
    [
      'a hash followed by other text',
      `sha256:${ABC} ops team`,
      /^the API key file is invalid: line 1: .*only the fields name=, requests-per-minute= and tokens-per-minute= are known$/
    ],
    ['a name with other characters', `${KEY} name=a/b`, /^the API key file is invalid: line 1: .*name must have 1 to 64 letters/],
    [
      'a limit that is not a whole number',
      `${KEY}\n${KEY}2 tokens-per-minute=1.5`,
      /^the API key file is invalid: line 2: .*tokens-per-minute must be a whole number/
    ],
    [
      'different limits of one name',
      `${KEY} name=a\n${KEY}2 name=a requests-per-minute=1`,
      /^the API key file is invalid: line 2: it has the same name as line 1 but different limits/
    ],
    ['a hash that is not hexadecimal', `sha256:${'z'.repeat(64)}`, /^the API key file is invalid: line 1: .*64 hexadecimal digits$/],
    ['a file without keys', '# none yet\n', /has no key/]
  ]
  for (const [what, text, message] of REFUSED) {
    it(`rejects ${what}`, () => assert.throws(() => parseApiKeys(text), { name: 'ServiceError', code: 'configuration_invalid', message }))
  }

  it('names the file and every bad line', () => {
    assert.throws(() => parseApiKeys(`short\n${KEY}\n${KEY}2 team=a\n`, 'the API key file /run/keys.txt'), {
      message: /^the API key file \/run\/keys\.txt is invalid: line 1: a key needs at least 16 characters; line 3: after the key, only /
    })
  })

  it('never puts a key into its message', () => {
    assert.throws(
      () => parseApiKeys('secret'),
      (error: Error) => !error.message.includes('secret')
    )
  })
})

describe('ApiKeys', () => {
  const keys = new ApiKeys(
    parseApiKeys(`${KEY} name=team-a requests-per-minute=600 tokens-per-minute=0\n${KEY}2 name=team-a requests-per-minute=600 tokens-per-minute=0\n${KEY}3`)
  )

  it('finds the client of a key and its limits', () => {
    const { hash, ...found } = keys.find(KEY) ?? {}
    assert.deepEqual(hash, hashOfKey(KEY))
    assert.deepEqual(found, { client: 'name:team-a', requestsPerMinute: 600, tokensPerMinute: 0 })
    assert.equal(keys.find(`${KEY}2`)?.client, 'name:team-a')
  })

  it('names the client of a key without a name by its hash alone', () => {
    const client = keys.find(`${KEY}3`)?.client
    assert.equal(client, hashOfKey(`${KEY}3`).toString('base64'))
  })

  it('finds nothing for other keys, and nothing for a key that was replaced', () => {
    for (const other of ['', KEY.slice(1), `${KEY}4`, KEY.toUpperCase(), `${KEY}\u0000`, '\u{1F511}'.repeat(9), 'k'.repeat(100_000)])
      assert.equal(keys.find(other), undefined)
    const rotated = new ApiKeys(parseApiKeys(KEY))
    rotated.replace(parseApiKeys(`${KEY}5`))
    assert.deepEqual([rotated.find(KEY), rotated.areRequired, rotated.count], [undefined, true, 1])
    assert.ok(rotated.find(`${KEY}5`))
  })
})
