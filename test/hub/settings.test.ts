import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { assertUsable, hubSettingsFrom } from '../../src/hub/settings.ts'
import { tempFolder } from '../support/temp-folder.ts'

const read = (env: Record<string, string>) => hubSettingsFrom({ HF_HOME: '/nowhere', ...env }, { isOffline: false, dtype: 'auto' })

describe('hubSettingsFrom', () => {
  for (const [env, folder] of [
    [{}, join(homedir(), '.cache', 'huggingface', 'hub')],
    [{ XDG_CACHE_HOME: '/xdg' }, '/xdg/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/xdg', HF_HOME: '/hf' }, '/hf/hub'],
    [{ HF_HOME: '~/hf' }, join(homedir(), 'hf', 'hub')],
    [{ HF_HOME: '/hf', HF_HUB_CACHE: '/cache' }, '/cache'],
    [{ HUGGINGFACE_HUB_CACHE: '/old' }, '/old']
  ] as const) {
    test(`finds the cache of ${JSON.stringify(env)} where Python does`, () =>
      assert.equal(hubSettingsFrom(env, { isOffline: false, dtype: 'auto' }).cacheFolder, folder))
  }

  test('prefers the token of logpr to that of Python, and that to the file', (t) => {
    const home = tempFolder(t, { token: 'hf_file\n' })
    assert.equal(read({ HF_HOME: home }).token, 'hf_file')
    assert.equal(read({ HF_HOME: home, HF_TOKEN: 'hf_python' }).token, 'hf_python')
    assert.equal(read({ HF_HOME: home, HF_TOKEN: 'hf_python', LOGPR_HF_TOKEN: 'hf_logpr' }).token, 'hf_logpr')
    assert.equal(read({}).token, null)
  })

  test('refuses a token that is not one word, without showing it', () =>
    assert.throws(
      () => assertUsable(read({ HF_TOKEN: 'two words' })),
      (error: Error) => !error.message.includes('two words')
    ))

  test('is offline when Python would be', () => {
    for (const value of ['1', 'ON', 'true', 'Yes']) assert.equal(read({ HF_HUB_OFFLINE: value }).isOffline, true)
    for (const value of ['', '0', 'false']) assert.equal(read({ HF_HUB_OFFLINE: value }).isOffline, false)
  })

  test('accepts a mirror, and refuses one with a password, without showing it', () => {
    assert.equal(read({ HF_ENDPOINT: 'https://mirror.example/hf/' }).endpoint, 'https://mirror.example/hf')
    for (const endpoint of ['mirror', 'ftp://mirror', 'https://user:secret@mirror', 'https://mirror?token=secret'])
      assert.throws(
        () => assertUsable(read({ HF_ENDPOINT: endpoint })),
        (error: Error) => /HF_ENDPOINT/.test(error.message) && !error.message.includes('secret')
      )
  })
})
