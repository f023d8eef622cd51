import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { privateBytes, privateBytesIn } from '../../src/process/private-memory.ts'

describe('privateBytes', () => {
  it('is what the kernel counts as anonymous memory', () => {
    assert.equal(privateBytesIn('VmRSS:\t  200 kB\nRssAnon:\t  120 kB\nRssFile:\t 80 kB\n'), 120 * 1024)
    assert.equal(privateBytesIn('VmRSS:\t  200 kB\n'), null)
  })

  it('is some megabytes for this process', () => assert.ok(privateBytes() > 1 << 23))
})
