// Own process: it changes the working directory.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { locateFolder, locateOnlyFolder } from '../../src/model/locate-model.ts'
import { modelReferences, onlyReference } from '../../src/model/model-reference.ts'
import { tempFolder } from '../support/temp-folder.ts'

const invalid = (message: RegExp) => ({ name: 'ServiceError', code: 'configuration_invalid', message })

describe('modelReferences', () => {
  it('has the embedded model when nothing is said', () => {
    const [model, ...others] = modelReferences('')
    assert.deepEqual([model?.id, others], ['logpr-tiny-en', []])
    assert.equal(model !== undefined && locateFolder(model).folder, model?.reference)
  })

  const TAKEN: readonly [string, string, readonly (readonly [id: string, reference: string])[]][] = [
    ['a path, which is called as its folder', '/models/small', [['small', '/models/small']]],
    ['a path that ends in a slash', '/models/small/', [['small', '/models/small/']]],
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
    ['what the hub calls a model, whole', 'openai-community/gpt2', [['openai-community/gpt2', 'openai-community/gpt2']]],
    ['what the hub calls a model, without its revision', 'org/name@refs/pr/1', [['org/name', 'org/name@refs/pr/1']]],
    ['a model of the hub under a name', 'b=org/name@main', [['b', 'org/name@main']]],
    ['a relative path that is none of the hub', './models/small', [['small', './models/small']]],
    ['a relative path that leads up', '../small', [['small', '../small']]]
  ]
  for (const [what, value, expected] of TAKEN) {
    it(`takes ${what}: ${value}`, () =>
      assert.deepEqual(
        modelReferences(value).map(({ id, reference }) => [id, reference]),
        expected
      ))
  }

  it('takes a whole value that exists as a path as that path, whatever is in it', (t) => {
    const folder = tempFolder(t)
    for (const name of ['a=b', 'a,b', 'a=x,b=y']) {
      const path = join(folder, name)
      mkdirSync(path)
      assert.deepEqual(modelReferences(path), [{ id: name, reference: path }])
      assert.deepEqual(modelReferences(`m=${path}`), [{ id: 'm', reference: path }])
    }
  })

  it('takes an entry that exists as a path as that path, although it has a =', (t) => {
    const path = join(tempFolder(t), 'a=b')
    mkdirSync(path)
    assert.deepEqual(modelReferences(`${path},c=/x`), [
      { id: 'a=b', reference: path },
      { id: 'c', reference: '/x' }
    ])
  })

  it('calls a folder by its name although the hub could have a model of that name', (t) => {
    const path = join(tempFolder(t, { 'org/name/config.json': '{}' }), 'org', 'name')
    const before = process.cwd()
    process.chdir(join(path, '..', '..'))
    t.after(() => process.chdir(before))
    assert.deepEqual(modelReferences('org/name'), [{ id: 'name', reference: 'org/name' }])
  })

  const REFUSED: readonly [string, string, RegExp][] = [
    ['two folders of the same name', '/x/small,/y/small', /two models would have the id small/],
    ['a name given twice', 'a=/x,a=/y', /two models would have the id a;/],
    ['a name that is the name of a folder', 'small=/x,/y/small', /the id small/],
    ['two revisions of a model of the hub', 'org/name@a,org/name@b', /the id org\/name/],
    ['no name before =', '=/x,b=/y', /"" is no name/],
    ['no path behind =', 'a=,b=/y', /a= has no path/],
    ['an empty entry', 'a=/x,,b=/y', /an empty entry/],
    ['a comma at the end', 'a=/x,', /an empty entry/],
    ['a name with a space', 'my model=/x', /"my model" is no name/],
    ['a name that ends in a slash', 'a/=/x', /"a\/" is no name/],
    ['a name that a URL would resolve away', 'a/..=/x', /"a\/\.\." is no name/],
    ['a name of dots', '.=/x', /"\." is no name/]
  ]
  for (const [what, value, message] of REFUSED) {
    it(`refuses ${what}: ${value}`, () => assert.throws(() => modelReferences(value), invalid(message)))
  }
})

describe('onlyReference', () => {
  it('takes one', () => assert.deepEqual(onlyReference('a=/x'), { id: 'a', reference: '/x' }))

  it('refuses several, because one command can use only one', () => assert.throws(() => onlyReference('a=/x,b=/y'), invalid(/names 2 models.*takes one/)))
})

describe('locateFolder', () => {
  it('gives a folder of one its id and no revision', (t) => {
    const folder = tempFolder(t)
    assert.deepEqual(locateOnlyFolder(`m=${folder}`), { id: 'm', folder, revision: null })
  })

  it('refuses one that is not there', (t) => {
    const path = join(tempFolder(t), 'none')
    assert.throws(() => locateOnlyFolder(path), { code: 'model_invalid', message: `there is no model folder ${path}` })
  })
})
