import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load-config.ts'
import { OPTIONS } from '../../src/config/options.ts'

describe('loadConfig', () => {
  it('gives every option its default', () => {
    const defaults = Object.fromEntries(Object.entries(OPTIONS).map(([name, schema]) => [name, schema.default]))
    assert.deepEqual({ ...loadConfig([], {}).config }, defaults)
  })

  it('lets flags win over variables and variables over defaults', () => {
    const { config } = loadConfig(['--port', '1'], { LOGPR_PORT: '2', LOGPR_THREADS: '3' })
    assert.deepEqual([config.PORT, config.THREADS, config.HOST], [1, 3, '127.0.0.1'])
  })

  it('takes an empty variable as not set', () => assert.equal(loadConfig([], { LOGPR_PORT: '' }).config.PORT, 8080))

  it("leaves variables without the service's name alone", () => assert.equal(loadConfig([], { PORT: '1', MODEL: '/x' }).config.PORT, 8080))

  it('gives back positionals and the flags of the command itself', () => {
    const { own, positionals } = loadConfig(['file.jsonl', '--x=a b', '--port', '9'], {}, ['x', 'y'])
    assert.deepEqual([own, positionals], [{ x: 'a b' }, ['file.jsonl']])
  })

  it('takes a switch without a value, with one, and as words that Python takes', () => {
    const isOffline = (argv: readonly string[], env: Record<string, string> = {}) => loadConfig(argv, env).config.HUB_OFFLINE
    assert.deepEqual(
      [isOffline([]), isOffline(['--hub-offline']), isOffline(['--hub-offline', 'false']), isOffline(['--hub-offline=true'])],
      [false, true, false, true]
    )
    assert.deepEqual(
      ['1', 'on', 'YES', 'True', '0', 'off', 'no', 'FALSE', ''].map((LOGPR_HUB_OFFLINE) => isOffline([], { LOGPR_HUB_OFFLINE })),
      [true, true, true, true, false, false, false, false, false]
    )
    assert.deepEqual(loadConfig(['--hub-offline', 'file.jsonl'], {}).positionals, ['file.jsonl'])
  })

  it('gives a config that cannot be changed', () => assert.ok(Object.isFrozen(loadConfig([], {}).config)))

  it('takes timers that are just within each other', () => {
    const { config } = loadConfig(['--headers-timeout-ms', '30000', '--batch-timeout-ms', '240000'], {})
    assert.deepEqual([config.HEADERS_TIMEOUT_MS, config.BATCH_TIMEOUT_MS], [config.BODY_TIMEOUT_MS, config.DEADLINE_MS])
  })

  const REFUSED: readonly [string, readonly string[], Record<string, string>, RegExp][] = [
    ['an unknown flag', ['--prot', '1'], {}, /--prot/],
    ["a flag of another command's", ['--x', 'a'], {}, /--x/],
    ['a flag without its value', ['--port'], {}, /--port/],
    ['a port above 65535', [], { LOGPR_PORT: '65536' }, /LOGPR_PORT\) must be <= 65535/],
    ['a number that is none', ['--threads', 'many'], {}, /LOGPR_THREADS\) must be integer/],
    ['a fraction of a thread', ['--threads', '1.5'], {}, /LOGPR_THREADS\) must be integer/],
    ['a switch that says neither', [], { LOGPR_HUB_OFFLINE: 'perhaps' }, /LOGPR_HUB_OFFLINE\) must be boolean/],
    ['a value outside a choice', ['--log-level', 'loud'], {}, /LOGPR_LOG_LEVEL\) must be one of trace/],
    ['headers that may take longer than the request', ['--headers-timeout-ms', '30001'], {}, /HEADERS_TIMEOUT_MS must not be above BODY_TIMEOUT_MS/],
    ['a body larger than all bodies', ['--max-held-bytes', '33554431'], {}, /MAX_BODY_BYTES must not be above MAX_HELD_BYTES/],
    ['a batch that may outlive every request', [], { LOGPR_DEADLINE_MS: '59999' }, /BATCH_TIMEOUT_MS must not be above DEADLINE_MS/]
  ]
  for (const [what, argv, env, message] of REFUSED) {
    it(`refuses ${what}, naming it`, () => assert.throws(() => loadConfig(argv, env), { name: 'ServiceError', code: 'configuration_invalid', message }))
  }

  it('names all values at fault', () => {
    assert.throws(() => loadConfig(['--port=-1'], { LOGPR_THREADS: 'x', LOGPR_DTYPE: 'fp8' }), {
      message: /^(?=.*PORT)(?=.*THREADS)(?=.*DTYPE)/s
    })
  })

  it('names all timers at fault', () => {
    assert.throws(() => loadConfig(['--headers-timeout-ms', '30001', '--batch-timeout-ms', '240001'], {}), { message: /^(?=.*HEADERS)(?=.*BATCH)/s })
  })
})
