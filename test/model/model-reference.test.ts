// Own process: it changes the working directory.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { locateFolder, locateOnlyFolder } from '../../src/model/locate-model.ts'
import { hubReference, type ModelReference, modelReferences, onlyReference } from '../../src/model/model-reference.ts'
import { tempFolder } from '../support/temp-folder.ts'

const invalid = (message: RegExp) => ({ name: 'ServiceError', code: 'configuration_invalid', message })
const folder = (id: string, path: string): ModelReference => ({ kind: 'folder', id, path })
/** A folder's path, or a hub id as it was written. */
const placeOf = (model: ModelReference): string => (model.kind === 'folder' ? model.path : `hub ${model.text}`)

describe('modelReferences', () => {
  it('takes an empty value as the embedded model', () => {
    const [model, ...others] = modelReferences('')
    assert.ok(model?.kind === 'folder')
    assert.deepEqual([model.id, others], ['logpr-tiny-en', []])
    assert.equal(locateFolder(model).folder, model.path)
  })

  const TAKEN: readonly [string, string, readonly (readonly [id: string, place: string])[]][] = [
    ['a path, which is called as its folder', '/models/small', [['small', '/models/small']]],
    ['a path that ends in a slash', '/models/small/', [['small', '/models/small']]],
    ['a name and its path', 'a=/models/small', [['a', '/models/small']]],
    [
      'several, in their order',
      'b=/models/x,a=/models/y,/models/z',
      [
        ['b', '/models/x'],
        ['a', '/models/y'],
        ['z', '/models/z']
      ]
    ],
    [
      'several with spaces after the commas',
      'a=/x, b=/y',
      [
        ['a', '/x'],
        ['b', '/y']
      ]
    ],
    ['a name with slashes', 'org/a.b_c-1=/x', [['org/a.b_c-1', '/x']]],
    ['the path behind the first =', 'a=/x=y', [['a', '/x=y']]],
    [
      'the same folder under two names',
      'a=/x,b=/x',
      [
        ['a', '/x'],
        ['b', '/x']
      ]
    ],
    ['a hub id', 'openai-community/gpt2', [['openai-community/gpt2', 'hub openai-community/gpt2']]],
    ['a hub id with a revision, which is not part of its name', 'org/name@refs/pr/1', [['org/name', 'hub org/name@refs/pr/1']]],
    ['a hub id with a folder, which is part of its name', 'org/name/cpu/int4@main', [['org/name/cpu/int4', 'hub org/name/cpu/int4@main']]],
    ['a hub id under a name', 'b=org/name@main', [['b', 'hub org/name@main']]],
    ['a relative path', './models/small', [['small', resolve('models/small')]]],
    ['a relative path that leads up', '../small', [['small', resolve('../small')]]],
    ['a path in the home folder', '~/models/small', [['small', join(homedir(), 'models', 'small')]]],
    ['the current folder', '.', [[basename(process.cwd()), process.cwd()]]],
    ['the folder above', '..', [[basename(resolve('..')), resolve('..')]]],
    ['the home folder', '~', [[basename(homedir()), homedir()]]]
  ]
  for (const [what, value, expected] of TAKEN) {
    it(`takes ${what}: ${value}`, () =>
      assert.deepEqual(
        modelReferences(value).map((model) => [model.id, placeOf(model)]),
        expected
      ))
  }

  it('takes a whole value that exists as a path as that path, whatever is in it', (t) => {
    const parent = tempFolder(t)
    for (const name of ['a=b', 'a,b', 'a=x,b=y']) {
      const path = join(parent, name)
      mkdirSync(path)
      assert.deepEqual(modelReferences(path), [folder(name, path)])
      assert.deepEqual(modelReferences(`m=${path}`), [folder('m', path)])
    }
  })

  it('takes an entry that exists as a path as that path, even with a =', (t) => {
    const path = join(tempFolder(t), 'a=b')
    mkdirSync(path)
    assert.deepEqual(modelReferences(`${path},c=/x`), [folder('a=b', path), folder('c', '/x')])
  })

  it('takes the name of an existing folder as that folder, not as a hub id', (t) => {
    const path = join(tempFolder(t, { 'org/name/config.json': '{}' }), 'org', 'name')
    const before = process.cwd()
    process.chdir(join(path, '..', '..'))
    t.after(() => process.chdir(before))
    assert.deepEqual(modelReferences('org/name'), [folder('name', resolve('org/name'))])
  })

  const REFUSED: readonly [string, string, RegExp][] = [
    ['two folders of the same name', '/x/small,/y/small', /two models would have the id small/],
    ['a name given twice', 'a=/x,a=/y', /two models would have the id a:/],
    ['a name that is the name of a folder', 'small=/x,/y/small', /the id small/],
    ['two revisions of a model of the hub', 'org/name@a,org/name@b', /the id org\/name/],
    ['no name before =', '=/x,b=/y', /"" is no name/],
    ['no path behind =', 'a=,b=/y', /a= has no path/],
    ['an empty entry', 'a=/x,,b=/y', /an empty entry/],
    ['a comma at the end', 'a=/x,', /an empty entry/],
    ['a name with a space', 'my model=/x', /"my model" is no name/],
    ['a name that ends in a slash', 'a/=/x', /"a\/" is no name/],
    ['a name that a URL would resolve away', 'a/..=/x', /"a\/\.\." is no name/],
    ['a name of dots', '.=/x', /"\." is no name/],
    ['a name that is neither a folder nor a hub id', 'small', /no folder "small", and it is no hub id either/],
    ['the same behind a name', 'a=small', /no folder "small", and it is no hub id either/]
  ]
  for (const [what, value, message] of REFUSED) {
    it(`refuses ${what}: ${value}`, () => assert.throws(() => modelReferences(value), invalid(message)))
  }
})

describe('onlyReference', () => {
  it('accepts one model', () => assert.deepEqual(onlyReference('a=/x'), folder('a', '/x')))

  it('refuses several models', () => assert.throws(() => onlyReference('a=/x,b=/y'), invalid(/names 2 models.*takes one/)))
})

describe('locateFolder', () => {
  it('gives a folder its id and no revision', (t) => {
    const path = tempFolder(t)
    assert.deepEqual(locateOnlyFolder(`m=${path}`), { id: 'm', folder: path, revision: null })
  })

  it('refuses a folder that does not exist', (t) => {
    const path = join(tempFolder(t), 'none')
    assert.throws(() => locateOnlyFolder(path), { code: 'model_invalid', message: `there is no model folder ${path}` })
  })

  it('refuses a hub id when only a folder is allowed', () => {
    assert.throws(() => locateOnlyFolder('org/name'), { code: 'model_invalid', message: 'there is no model folder org/name' })
  })
})

describe('hubReference', () => {
  for (const [text, id, repository, subfolder, revision] of [
    ['org/name', 'org/name', 'org/name', '', 'main'],
    ['org/Some.Model-1_b@v1.0', 'org/Some.Model-1_b', 'org/Some.Model-1_b', '', 'v1.0'],
    ['org/name@refs/pr/3', 'org/name', 'org/name', '', 'refs/pr/3'],
    [`org/name@${'0a'.repeat(20)}`, 'org/name', 'org/name', '', '0a'.repeat(20)],
    ['org/name/cpu/int4-rtn-block-32@main', 'org/name/cpu/int4-rtn-block-32', 'org/name', 'cpu/int4-rtn-block-32', 'main']
  ] as const) {
    it(`reads ${text}`, () => assert.deepEqual(hubReference(text), { kind: 'hub', id, repository, subfolder, revision, text }))
  }

  it('reads a hub id even if a folder of that name exists', (t) => {
    const before = process.cwd()
    process.chdir(tempFolder(t, { 'org/name/config.json': '{}' }))
    t.after(() => process.chdir(before))
    assert.equal(hubReference('org/name').repository, 'org/name')
  })

  for (const path of ['/models/a', './a/b', '../a/b', '~/models/a', '.', '..', '~'])
    it(`refuses the path ${path}`, () => assert.throws(() => hubReference(path), invalid(/pull takes a hub id .*, not the path/)))

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
    it(`refuses ${text}, which is neither a folder nor a hub id`, () =>
      assert.throws(() => hubReference(text), invalid(/there is no folder .*no hub id either/)))
  }
})
