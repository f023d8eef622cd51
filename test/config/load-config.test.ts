import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig, withProviderDefaults } from '../../src/config/load-config.ts'
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

  it('ignores an empty variable', () => assert.equal(loadConfig([], { LOGPR_PORT: '' }).config.PORT, 8080))

  it('ignores variables without the prefix LOGPR_', () => assert.equal(loadConfig([], { PORT: '1', MODEL: '/x' }).config.PORT, 8080))

  it('returns positionals and the flags of the command itself', () => {
    const { own, positionals } = loadConfig(['file.jsonl', '--x=a b', '--port', '9'], {}, ['x', 'y'])
    assert.deepEqual([own, positionals], [{ x: 'a b' }, ['file.jsonl']])
  })

  it('accepts a boolean flag without a value, with a value, and with the words of huggingface_hub', () => {
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

  it('returns a frozen config', () => assert.ok(Object.isFrozen(loadConfig([], {}).config)))

  it('accepts timeouts that are equal to their limits', () => {
    const { config } = loadConfig(['--headers-timeout-ms', '30000', '--batch-timeout-ms', '240000'], {})
    assert.deepEqual([config.HEADERS_TIMEOUT_MS, config.BATCH_TIMEOUT_MS], [config.BODY_TIMEOUT_MS, config.DEADLINE_MS])
  })

  const REFUSED: readonly [string, readonly string[], Record<string, string>, RegExp][] = [
    ['an unknown flag', ['--prot', '1'], {}, /--prot/],
    ['a flag of another command', ['--x', 'a'], {}, /--x/],
    ['a flag without its value', ['--port'], {}, /--port/],
    ['a port above 65535', [], { LOGPR_PORT: '65536' }, /LOGPR_PORT\) must be <= 65535/],
    ['a number with letters', ['--threads', 'many'], {}, /LOGPR_THREADS\) must be integer/],
    ['a fraction of a thread', ['--threads', '1.5'], {}, /LOGPR_THREADS\) must be integer/],
    ['a boolean that is neither true nor false', [], { LOGPR_HUB_OFFLINE: 'perhaps' }, /LOGPR_HUB_OFFLINE\) must be boolean/],
    ['a value that is not a choice', ['--log-level', 'loud'], {}, /LOGPR_LOG_LEVEL\) must be one of trace/],
    ['a headers timeout above the body timeout', ['--headers-timeout-ms', '30001'], {}, /HEADERS_TIMEOUT_MS must not be above BODY_TIMEOUT_MS/],
    ['a body limit above the limit of all bodies', ['--max-held-bytes', '33554431'], {}, /MAX_BODY_BYTES must not be above MAX_HELD_BYTES/],
    ['a batch timeout above the deadline', [], { LOGPR_DEADLINE_MS: '59999' }, /BATCH_TIMEOUT_MS must not be above DEADLINE_MS/]
  ]
  for (const [what, argv, env, message] of REFUSED) {
    it(`rejects ${what} and names it`, () => assert.throws(() => loadConfig(argv, env), { name: 'ServiceError', code: 'configuration_invalid', message }))
  }

  it('lists every invalid value', () => {
    assert.throws(() => loadConfig(['--port=-1'], { LOGPR_THREADS: 'x', LOGPR_DTYPE: 'fp8' }), {
      message: /^(?=.*PORT)(?=.*THREADS)(?=.*DTYPE)/s
    })
  })

  it('lists every pair of conflicting timeouts', () => {
    assert.throws(() => loadConfig(['--headers-timeout-ms', '30001', '--batch-timeout-ms', '240001'], {}), { message: /^(?=.*HEADERS)(?=.*BATCH)/s })
  })
})

describe('withProviderDefaults', () => {
  const budgetsOf = (argv: readonly string[], env: Record<string, string>, provider: 'cpu' | 'cuda'): number[] => {
    const { config, given } = loadConfig(argv, env)
    const { MAX_BATCH_TOKENS, LONG_TEXT_TOKENS } = withProviderDefaults(config, given, provider)
    return [MAX_BATCH_TOKENS, LONG_TEXT_TOKENS]
  }

  it('replaces the defaults on CUDA only', () => {
    assert.deepEqual(
      [budgetsOf([], {}, 'cpu'), budgetsOf([], {}, 'cuda')],
      [
        [2048, 128],
        [8192, 1024]
      ]
    )
  })

  it('keeps a setting from a flag or variable, even if it equals the default', () => {
    assert.deepEqual(budgetsOf(['--max-batch-tokens', '2048'], {}, 'cuda'), [2048, 1024])
    assert.deepEqual(budgetsOf([], { LOGPR_LONG_TEXT_TOKENS: '64' }, 'cuda'), [8192, 64])
  })
})
