import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clientAddressOf } from '../../src/http/client-address.ts'

/** The networks are those of Python's ipaddress: `ip_network(f'{address}/64', strict=False)`. */
const CASES = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:7:1:2:3:4', '2001:db8:0:7::/64'],
  ['2001:db8:0:7:ffff:ffff:ffff:ffff', '2001:db8:0:7::/64'],
  ['2001:db8:0:8::1', '2001:db8:0:8::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', '']
] as const

describe('clientAddressOf', () => {
  for (const [remoteAddress, expected] of CASES) {
    test(`${remoteAddress === '' ? 'a closed socket' : remoteAddress} is known by ${expected === '' ? 'nothing' : expected}`, () => {
      assert.equal(clientAddressOf({ remoteAddress }), expected)
    })
  }

  test('a socket without an address is known by nothing', () => assert.equal(clientAddressOf({}), ''))
})
