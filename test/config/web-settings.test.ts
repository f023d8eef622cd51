import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load-config.ts'
import { corsOriginsOf } from '../../src/config/web-settings.ts'

const settings = (env: Readonly<Record<string, string>>) => loadConfig([], env).config

describe('--cors-origin', () => {
  it('is empty by default', () => assert.deepEqual(corsOriginsOf(settings({})), []))

  it('takes a list of origins, or *', () => {
    const listed = settings({ LOGPR_CORS_ORIGIN: 'https://app.example.com, http://localhost:5173' })
    assert.deepEqual(corsOriginsOf(listed), ['https://app.example.com', 'http://localhost:5173'])
    assert.deepEqual(corsOriginsOf(settings({ LOGPR_CORS_ORIGIN: '*' })), ['*'])
  })

  const REFUSED: readonly [string, RegExp][] = [
    ['https://app.example.com/', /write https:\/\/app\.example\.com, as the browser sends it/],
    ['https://app.example.com:443', /write https:\/\/app\.example\.com, as/],
    ['https://APP.example.com', /write https:\/\/app\.example\.com, as/],
    ['https://user:pass@example.com', /write https:\/\/example\.com, as/],
    ['https://*.example.com', /does not take patterns/],
    ['null', /is no origin/],
    ['example.com', /is no origin/],
    ['localhost:5173', /not http or https/],
    ['file:///', /not http or https/],
    ['*,https://app.example.com', /has \* beside other origins/]
  ]
  for (const [origin, message] of REFUSED)
    it(`refuses ${origin} and says what to write`, () =>
      assert.throws(() => settings({ LOGPR_CORS_ORIGIN: origin }), { code: 'configuration_invalid', message: new RegExp(`--cors-origin.*${message.source}`) }))
})

describe('--base-path', () => {
  for (const path of ['/logpr', '/ml/logpr-1.2', '/~team/a_b', '/v1', '/docs', '/.well-known'])
    it(`takes ${path}`, () => assert.equal(settings({ LOGPR_BASE_PATH: path }).BASE_PATH, path))

  const REFUSED: readonly [string, RegExp][] = [
    ['/', /must be empty to serve at the root/],
    ['//', /must be empty to serve at the root/],
    ['logpr', /must begin with a slash/],
    ['/logpr/', /must not end with a slash/],
    ['/../x', /without empty, \. and \.\. segments/],
    ['/a/./b', /without empty, \. and \.\. segments/],
    ['/a/..', /without empty, \. and \.\. segments/],
    ['//host/x', /without empty, \. and \.\. segments/],
    ['/a b', /segments of letters, digits/],
    ['/a%20b', /segments of letters, digits/],
    ['/a?b', /segments of letters, digits/],
    ['/:id', /segments of letters, digits/],
    ['/é', /segments of letters, digits/],
    ['/readyz', /the path of a probe or of metrics/]
  ]
  for (const [path, message] of REFUSED)
    it(`refuses ${path} and says why`, () =>
      assert.throws(() => settings({ LOGPR_BASE_PATH: path }), { code: 'configuration_invalid', message: new RegExp(`--base-path.*${message.source}`) }))
})
