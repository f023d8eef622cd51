import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseReference } from '../../src/model/model-reference.ts'

const onDisk =
  (...folders: string[]) =>
  (path: string) =>
    folders.includes(path)

describe('parseReference', () => {
  for (const path of ['/models/a', './a/b', '../a/b', '~/models/a', '.', '..', '~']) {
    test(`takes ${path} as a folder, there or not`, () => assert.deepEqual(parseReference(path, onDisk()), { kind: 'folder', path }))
  }

  test('takes a name that is a folder as one', () => assert.deepEqual(parseReference('org/name', onDisk('org/name')), { kind: 'folder', path: 'org/name' }))

  for (const [text, repository, subfolder, revision] of [
    ['org/name', 'org/name', '', 'main'],
    ['org/Some.Model-1_b@v1.0', 'org/Some.Model-1_b', '', 'v1.0'],
    ['org/name@refs/pr/3', 'org/name', '', 'refs/pr/3'],
    [`org/name@${'0a'.repeat(20)}`, 'org/name', '', '0a'.repeat(20)],
    ['org/name/cpu_and_mobile/cpu-int4-rtn-block-32@main', 'org/name', 'cpu_and_mobile/cpu-int4-rtn-block-32', 'main']
  ] as const) {
    test(`takes ${text} as a hub id`, () => assert.deepEqual(parseReference(text, onDisk()), { kind: 'hub', repository, subfolder, revision, text }))
  }

  for (const text of [
    'name',
    'org/na me',
    'org/',
    '@main',
    'org/name@',
    'org/name@../x',
    'org/name/../x',
    'org/name/./x',
    'org/a..b',
    'org/a--b',
    'https://h/o/n',
    'o/n@-x'
  ]) {
    test(`refuses ${text}, which is neither`, () =>
      assert.throws(() => parseReference(text, onDisk()), { code: 'configuration_invalid', message: /there is no folder .*no hub id either/ }))
  }
})
