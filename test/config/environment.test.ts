import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openServiceWarning } from '../../src/config/conflicts.ts'
import { unknownVariables } from '../../src/config/environment.ts'
import { loadConfig } from '../../src/config/load-config.ts'

describe('unknownVariables', () => {
  it('names each variable that is no setting, with the setting that was meant', () => {
    assert.deepEqual(unknownVariables({ LOGPR_THREAD: '2', LOGPR_FROBNICATE: '1', PORT: '1', LOGPR_MODEL: 'm', LOGPR_HF_TOKEN: 't' }), [
      'LOGPR_THREAD is ignored: no setting has this name; did you mean LOGPR_THREADS?',
      'LOGPR_FROBNICATE is ignored: no setting has this name'
    ])
  })

  it('is silent about variables of scripts, of the compose file and of Kubernetes, and about empty ones', () => {
    const names = ['CI_CACHE', 'BENCH_GPT2', 'SOAK_MINUTES', 'KEEP_RESULTS', 'TAG', 'GATEWAY', 'SERVICE_HOST', 'SERVICE_PORT_HTTP', 'PORT_8080_TCP_ADDR']
    assert.deepEqual(unknownVariables({ ...Object.fromEntries(names.map((name) => [`LOGPR_${name}`, 'x'])), LOGPR_PROT: '' }), [])
  })
})

describe('openServiceWarning', () => {
  const warningFor = (...argv: string[]): string | null => openServiceWarning(loadConfig(argv, {}).config)

  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'my-machine']) {
    it(`warns of ${host} without keys, and not with keys`, () => {
      assert.match(warningFor('--host', host) ?? '', /^everyone who can reach .* --api-keys-file \(LOGPR_API_KEYS_FILE\)/)
      assert.equal(warningFor('--host', host, '--api-keys-file', 'keys.txt'), null)
    })
  }
  for (const host of ['127.0.0.1', '127.0.1.1', '::1', 'localhost']) it(`does not warn of ${host}`, () => assert.equal(warningFor('--host', host), null))
})
