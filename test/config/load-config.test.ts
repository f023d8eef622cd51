import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load-config.ts'
import { OPTIONS, type OptionName } from '../../src/config/options.ts'

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
  })

  it('returns a frozen config', () => assert.ok(Object.isFrozen(loadConfig([], {}).config)))

  it('accepts timeouts that are equal to their limits', () => {
    const { config } = loadConfig(['--headers-timeout-ms', '30000', '--batch-timeout-ms', '240000'], {})
    assert.deepEqual([config.HEADERS_TIMEOUT_MS, config.BATCH_TIMEOUT_MS], [config.BODY_TIMEOUT_MS, config.DEADLINE_MS])
  })

  const SETTINGS = Object.keys(OPTIONS) as OptionName[]
  const FORM = {
    name: 'demo',
    flags: {
      x: { type: 'string', placeholder: 'TEXT', description: '' },
      y: { type: 'string', isRepeated: true, description: '' },
      count: { type: 'integer', maximum: 20, description: '' },
      json: { type: 'boolean', description: '' }
    },
    settings: SETTINGS.filter((name) => name !== 'PORT'),
    operand: { name: 'FILE', max: 1 }
  } as const

  it('returns operands and the flags of the command in their types, empty texts and repeated flags included', () => {
    const { own, positionals } = loadConfig(['--json', 'a.jsonl', '--x=', '--y', 'b', '--y', '-3.5', '--count', '5'], {}, FORM)
    assert.deepEqual([own, positionals], [{ json: true, x: '', y: ['b', '-3.5'], count: 5 }, ['a.jsonl']])
  })

  it('takes what follows -- as operands', () => assert.deepEqual(loadConfig(['--', '--json'], {}, FORM).positionals, ['--json']))

  it('does not read the variables of settings that the command does not take', () => {
    assert.equal(loadConfig([], { LOGPR_PORT: 'abc' }, FORM).config.PORT, 8080)
  })

  const FAULTS: readonly [string, readonly string[], string][] = [
    ['a flag with a typing mistake', ['--cuont', '5'], '--cuont is not a flag; did you mean --count?'],
    ['a flag with underscores', ['--max_batch_tokens=5'], '--max_batch_tokens is not a flag; did you mean --max-batch-tokens?'],
    ['a flag like no other', ['--verbosely'], '--verbosely is not a flag'],
    ['a negated flag', ['--no-packing'], '--no-packing is not a flag; write --packing false'],
    ['a setting of the service', ['--port', '1'], '--port has no effect on logpr demo; leave it out'],
    ['a flag before another instead of its value', ['--x', '--json'], '--x needs a value: --x TEXT, or --x=VALUE for one that begins with dashes'],
    ['a flag at the end without its value', ['--count'], '--count needs a value: --count N'],
    ['a flag given twice', ['--count', '1', '--count=2'], '--count is given more than once; give it once'],
    ['a flag with one dash', ['-x', 'a'], 'flags begin with two dashes, but one argument begins with a single dash (write -- before such a file name)'],
    ['too many operands', ['a', 'b'], 'logpr demo takes one FILE (got 2)'],
    ['a word after a boolean flag', ['a', '--json', 'maybe'], 'logpr demo takes one FILE (got 2); --json takes true or false'],
    ['a number that is too large', ['--count', '21'], '--count must be <= 20 (got "21")'],
    ['a number with letters', ['--count', 'two'], '--count must be a whole number (got "two")'],
    [
      'several of them, all at once',
      ['--prot', '1', '--cuont', '2', '--threads', 'many', 'a', 'b'],
      '--prot is not a flag; --cuont is not a flag; did you mean --count?; logpr demo takes one FILE (got 2); --threads (LOGPR_THREADS) must be a whole number (got "many")'
    ]
  ]
  for (const [what, argv, message] of FAULTS) {
    it(`rejects ${what}`, () => assert.throws(() => loadConfig(argv, {}, FORM), { name: 'ServiceError', code: 'configuration_invalid', message }))
  }

  const REFUSED: readonly [string, readonly string[], Record<string, string>, RegExp][] = [
    ['an unknown flag', ['--prot', '1'], {}, /--prot/],
    ['a flag without its value', ['--port'], {}, /--port/],
    ['a port above 65535', [], { LOGPR_PORT: '65536' }, /LOGPR_PORT\) must be <= 65535/],
    ['a number with letters', ['--threads', 'many'], {}, /LOGPR_THREADS\) must be a whole number/],
    ['a fraction of a thread', ['--threads', '1.5'], {}, /LOGPR_THREADS\) must be a whole number/],
    ['a boolean that is neither true nor false', [], { LOGPR_HUB_OFFLINE: 'perhaps' }, /LOGPR_HUB_OFFLINE\) must be true or false/],
    ['a value that is not a choice', ['--log-level', 'loud'], {}, /LOGPR_LOG_LEVEL\) must be one of trace/],
    [
      'a headers timeout above the body timeout',
      ['--headers-timeout-ms', '30001'],
      {},
      /^--headers-timeout-ms \(LOGPR_HEADERS_TIMEOUT_MS\) is 30001 and must not be above --body-timeout-ms \(LOGPR_BODY_TIMEOUT_MS\), which is 30000 by default: /
    ],
    [
      'a body limit above the limit of all bodies',
      ['--max-held-bytes', '33554431'],
      {},
      /\(LOGPR_MAX_BODY_BYTES\) is 33554432 by default and must not be above --max-held-bytes \(LOGPR_MAX_HELD_BYTES\), which is 33554431/
    ],
    [
      'a batch timeout above the deadline',
      [],
      { LOGPR_DEADLINE_MS: '59999' },
      /^--batch-timeout-ms .* must not be above --deadline-ms \(LOGPR_DEADLINE_MS\), which is 59999: /
    ]
  ]
  for (const [what, argv, env, message] of REFUSED) {
    it(`rejects ${what} and names it`, () => assert.throws(() => loadConfig(argv, env), { name: 'ServiceError', code: 'configuration_invalid', message }))
  }

  it('says that Kubernetes has set LOGPR_PORT', () => {
    assert.throws(() => loadConfig([], { LOGPR_PORT: 'tcp://10.0.0.1:8080' }), { message: /LOGPR_PORT\).*enableServiceLinks: false/ })
  })

  it('lists every invalid value', () => {
    assert.throws(() => loadConfig(['--port=-1'], { LOGPR_THREADS: 'x', LOGPR_DTYPE: 'fp8' }), {
      message: /^(?=.*PORT)(?=.*THREADS)(?=.*DTYPE)/s
    })
  })

  it('lists every pair of conflicting timeouts', () => {
    assert.throws(() => loadConfig(['--headers-timeout-ms', '30001', '--batch-timeout-ms', '240001'], {}), { message: /^(?=.*HEADERS)(?=.*BATCH)/s })
  })
})
