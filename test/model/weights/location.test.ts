import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commonFolder, locationIn } from '../../../src/model/weights/common-folder.ts'
import { cacheBlobsFolder, locationFault } from '../../../src/model/weights/location.ts'

describe('locationFault', () => {
  for (const name of ['model.onnx_data', 'data/model.onnx_data_1', './x', '..data', 'a..b', 'c-o', 'weights 1', 'gewichte-ä'])
    it(`finds nothing wrong with ${name}`, () => assert.equal(locationFault(name), null))
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

describe('cacheBlobsFolder', () => {
  it('is that of the repository of a snapshot', () => {
    assert.equal(cacheBlobsFolder('/home/a/hub/models--org--name/snapshots/abc'), '/home/a/hub/models--org--name/blobs')
  })
  for (const folder of [
    '/models/name',
    '/hub/models--org--name',
    '/hub/models--org--name/snapshots',
    '/hub/models--org--name/snapshots/abc/onnx',
    '/x/snapshots/abc'
  ])
    it(`does not exist for ${folder}`, () => assert.equal(cacheBlobsFolder(folder), null))
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

  it('has each file below it under a relative name', () => {
    assert.deepEqual([locationIn('/a', '/a/b/x'), locationIn('/', '/b/y')], ['b/x', 'b/y'])
  })
})
