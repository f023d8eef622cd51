import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flagOf, OPTIONS } from '../../src/config/options.ts'
import { renderConfigurationPage, renderHelp } from '../../src/config/render-options.ts'

for (const [what, text] of [
  ['renderHelp', renderHelp()],
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

describe('renderHelp', () => {
  it('wraps lines at 120 columns', () => {
    const long = renderHelp()
      .split('\n')
      .filter((line) => line.length > 120)
    assert.deepEqual(long, [])
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
