import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OptionSchema } from '../../src/config/option-schema.ts'
import { flagOf, OPTIONS } from '../../src/config/options.ts'

const ENTRIES = Object.entries<OptionSchema>(OPTIONS)

describe('OPTIONS', () => {
  it('describes every option in full sentences', () => {
    assert.deepEqual(
      ENTRIES.filter(([, { description }]) => !/^\S.{10,}\.$/.test(description)).map(([name]) => name),
      []
    )
  })

  it('has valid defaults', () => {
    const isAllowed = ({ default: fallback, enum: choices, minimum = -Infinity, maximum = Infinity }: OptionSchema): boolean =>
      typeof fallback === 'number' ? fallback >= minimum && fallback <= maximum : choices === undefined || choices.includes(String(fallback))
    assert.deepEqual(
      ENTRIES.filter(([, schema]) => !isAllowed(schema)).map(([name]) => name),
      []
    )
  })

  it('gives each option a distinct flag', () => assert.equal(new Set(ENTRIES.map(([name]) => flagOf(name))).size, ENTRIES.length))

  // These names and defaults are part of the public contract.
  const FIXED: readonly [keyof typeof OPTIONS, string, string | number][] = [
    ['HOST', 'host', '127.0.0.1'],
    ['PORT', 'port', 8080],
    ['MANAGEMENT_PORT', 'management-port', 0],
    ['MANAGEMENT_HOST', 'management-host', ''],
    ['MODEL', 'model', ''],
    ['DTYPE', 'dtype', 'auto'],
    ['EXECUTION_PROVIDER', 'execution-provider', 'auto'],
    ['THREADS', 'threads', 0],
    ['API_KEYS_FILE', 'api-keys-file', ''],
    ['LOG_LEVEL', 'log-level', 'info'],
    ['LOG_FORMAT', 'log-format', 'auto']
  ]
  for (const [name, flag, fallback] of FIXED) {
    it(`keeps --${flag} and its default`, () => assert.deepEqual([flagOf(name), OPTIONS[name].default], [flag, fallback]))
  }
})
