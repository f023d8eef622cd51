import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cacheBlobsFolders, commonFolder, locationFault, locationIn } from '../../../src/model/weights/data-files.ts'

describe('locationFault', () => {
  for (const name of ['model.onnx_data', 'data/model.onnx_data_1', './x', '..data', 'a..b', 'c-o', 'weights 1', 'gewichte-ä'])
    it(`accepts ${name}`, () => assert.equal(locationFault(name), null))
  for (const name of [
    '..',
    '../x',
    'a/..',
    'a\\..\\x',
    '/x',
    '\\x',
    '\\\\server\\x',
    'c:x',
    'C:\\x',
    'file:///x',
    'https://x',
    'hf://x',
    'a\0b',
    '',
    undefined
  ])
    it(`refuses ${JSON.stringify(name)}`, () => assert.notEqual(locationFault(name), null))
})

describe('cacheBlobsFolders', () => {
  const BLOBS = ['/home/a/hub/models--org--name/blobs', '/home/a/hub/blobs']
  it('are those of the repository of a snapshot and of the store that repositories share', () => {
    assert.deepEqual(cacheBlobsFolders('/home/a/hub/models--org--name/snapshots/abc'), BLOBS)
  })
  it('are the same for a folder in a snapshot', () => {
    assert.deepEqual(cacheBlobsFolders('/home/a/hub/models--org--name/snapshots/abc/cpu/int4'), BLOBS)
  })
  for (const folder of ['/models/name', '/hub/models--org--name', '/hub/models--org--name/snapshots', '/x/snapshots/abc'])
    it(`do not exist for ${folder}`, () => assert.deepEqual(cacheBlobsFolders(folder), []))
})

describe('commonFolder', () => {
  const CASES: readonly [readonly string[], string][] = [
    [['/a/b/x'], '/a/b'],
    [['/a/b/x', '/a/b/y'], '/a/b'],
    [['/a/b/x', '/a/bc/y'], '/a'],
    [['/a/blobs/01/x', '/a/blobs/02/y', '/a/blobs/z'], '/a/blobs'],
    [['/a/x', '/b/y'], '/']
  ]
  for (const [paths, folder] of CASES) it(`of ${paths.join(', ')} is ${folder}`, () => assert.equal(commonFolder(paths), folder))

  it('contains each file under a relative name', () => {
    assert.deepEqual([locationIn('/a', '/a/b/x'), locationIn('/', '/b/y')], ['b/x', 'b/y'])
  })
})
