import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { renderOpenapiYaml } from '../../../src/http/routes/operations.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'

describe('openapi.yaml', () => {
  const text = readFileSync(join(PACKAGE_FOLDER, 'openapi.yaml'), 'utf8')

  test('says the same to readers of YAML 1.1, such as PyYAML, and of YAML 1.2', () => {
    assert.deepEqual(parse(text, { version: '1.1' }), parse(text, { version: '1.2' }))
  })

  test('quotes what YAML 1.1 reads as a boolean', () => {
    assert.deepEqual(parse(renderOpenapiYaml({ on: 'no', y: ['off'] }), { version: '1.1' }), { on: 'no', y: ['off'] })
  })
})
