import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError } from '../../src/errors.ts'
import { availableModels, selectModel } from '../../src/http/select-model.ts'
import type { ScoringModel, ServedModels } from '../../src/http/served-models.ts'

/** Models of which those in `loading` are not loaded yet. */
function modelsOf(ids: readonly string[], loading: readonly string[] = []): Pick<ServedModels, 'ids' | 'scoring'> {
  return {
    ids,
    scoring(id) {
      if (loading.includes(id)) throw new ServiceError('starting', `${id} is loading`)
      return { model: { id } } as ScoringModel
    }
  }
}

const idOf = ({ model }: ScoringModel): string => model.id

describe('selectModel', () => {
  it('chooses the only model when the request names none', () => assert.equal(idOf(selectModel(modelsOf(['a']), undefined)), 'a'))

  it('chooses the named model of several', () => {
    for (const id of ['a', 'org/b']) assert.equal(idOf(selectModel(modelsOf(['a', 'org/b']), id)), id)
  })

  it('requires a name when several models are served, and lists them', () => {
    assert.throws(() => selectModel(modelsOf(['a', 'org/b']), undefined), { code: 'invalid_request', param: 'model', message: /one of a, org\/b/ })
  })

  for (const [what, name] of [
    ['an unknown name', 'c'],
    ['an empty name', ''],
    ['a name in the wrong case', 'A'],
    ['part of a name', 'b'],
    ['a name that every object has', 'constructor']
  ] as const) {
    it(`rejects ${what} and lists the models`, () =>
      assert.throws(() => selectModel(modelsOf(['a', 'org/b']), name), { code: 'model_not_found', param: 'model', message: /send one of a, org\/b$/ }))
  }

  it('rejects an unknown name while the models are loading', () => {
    assert.throws(() => selectModel(modelsOf(['a'], ['a']), 'b'), { code: 'model_not_found' })
    assert.throws(() => selectModel(modelsOf(['a'], ['a']), 'a'), { code: 'starting' })
  })

  it('names the field at fault', () => assert.throws(() => selectModel(modelsOf(['a']), 'b', 'id'), { param: 'id' }))
})

describe('availableModels', () => {
  it('lists the loaded models in the order of the configuration', () =>
    assert.deepEqual(availableModels(modelsOf(['a', 'b', 'c'], ['b'])).map(idOf), ['a', 'c']))

  it('throws the reason of the first model when none is loaded', () => {
    assert.throws(() => availableModels(modelsOf(['a', 'b'], ['a', 'b'])), { code: 'starting', message: 'a is loading' })
  })
})
