import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flagOf, OPTIONS, type OptionName } from '../../src/config/options.ts'
import { renderConfigurationPage, renderFlags, renderSettings } from '../../src/config/render-options.ts'

const SETTINGS = renderSettings(Object.keys(OPTIONS) as OptionName[])

for (const [what, text] of [
  ['renderSettings', SETTINGS],
  ['renderConfigurationPage', renderConfigurationPage()]
] as const) {
  describe(what, () => {
    it('shows the flag and the description of every option', () => {
      const unwrapped = text.replaceAll(/\n +/g, ' ')
      const missing = Object.entries(OPTIONS).filter(([name, { description }]) => !unwrapped.includes(`--${flagOf(name)}`) || !unwrapped.includes(description))
      assert.deepEqual(missing, [])
    })
  })
}

describe('renderSettings', () => {
  it('wraps lines at 120 columns', () => {
    const long = SETTINGS.split('\n').filter((line) => line.length > 120)
    assert.deepEqual(long, [])
  })

  it('shows only the settings that are named', () => assert.match(renderSettings(['PORT']), /^ {2}--port {2}TCP port [^-]*\n {10}0 to 65535; default 8080$/))
})

describe('renderFlags', () => {
  it('shows what a flag takes, with its default', () => {
    const flags = {
      count: { type: 'integer', minimum: 0, maximum: 20, default: 0, description: 'How many.' },
      json: { type: 'boolean', description: 'JSON.' }
    } as const
    assert.equal(renderFlags(flags), '  --count N  How many.\n             0 to 20; default 0\n  --json     JSON.')
  })
})

describe('renderConfigurationPage', () => {
  const ROWS = [
    '| `--port` | `LOGPR_PORT` | `8080` | 0 to 65535 |',
    '| `--model` | `LOGPR_MODEL` | (empty) | text |',
    '| `--execution-provider` | `LOGPR_EXECUTION_PROVIDER` | `auto` | auto, cpu, cuda |',
    '| `--max-items` | `LOGPR_MAX_ITEMS` | `8192` | integer from 1 |'
  ]
  for (const row of ROWS) it(`has the row ${row}`, () => assert.ok(renderConfigurationPage().includes(row)))
})
