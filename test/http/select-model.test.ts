import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError } from '../../src/errors.ts'
import { availableModels, selectModel } from '../../src/http/select-model.ts'
import type { ScoringModel } from '../../src/http/served-model.ts'

interface Models {
  readonly modelIds: readonly string[]
  scoring(id: string): ScoringModel
}

/** Models of which those in `away` are still being loaded. */
function modelsOf(ids: readonly string[], away: readonly string[] = []): Models {
  return {
    modelIds: ids,
    scoring(id) {
      if (away.includes(id)) throw new ServiceError('starting', `${id} is being loaded`)
      return { model: { id } } as ScoringModel
    }
  }
}

const idOf = ({ model }: ScoringModel): string => model.id

describe('selectModel', () => {
  it('takes the only model when none is named', () => assert.equal(idOf(selectModel(modelsOf(['a']), undefined)), 'a'))

  it('takes the named one of several', () => {
    for (const id of ['a', 'org/b']) assert.equal(idOf(selectModel(modelsOf(['a', 'org/b']), id)), id)
  })

  it('has no default among several, and lists them', () => {
    assert.throws(() => selectModel(modelsOf(['a', 'org/b']), undefined), { code: 'invalid_request', param: 'model', message: /one of a, org\/b/ })
  })

  for (const [what, name] of [
    ['another name', 'c'],
    ['an empty name', ''],
    ['a name in other case', 'A'],
    ['a part of a name', 'b'],
    ['a name of every object', 'constructor']
  ] as const) {
    it(`knows no model under ${what}, and lists those there are`, () =>
      assert.throws(() => selectModel(modelsOf(['a', 'org/b']), name), { code: 'model_not_found', param: 'model', message: /serves a, org\/b;/ }))
  }

  it('says so of an unknown model also while the others are being loaded', () => {
    assert.throws(() => selectModel(modelsOf(['a'], ['a']), 'b'), { code: 'model_not_found' })
    assert.throws(() => selectModel(modelsOf(['a'], ['a']), 'a'), { code: 'starting' })
  })

  it('names the field that was wrong', () => assert.throws(() => selectModel(modelsOf(['a']), 'b', 'id'), { param: 'id' }))
})

describe('availableModels', () => {
  it('has those that can be asked, in their order', () => assert.deepEqual(availableModels(modelsOf(['a', 'b', 'c'], ['b'])).map(idOf), ['a', 'c']))

  it('gives the reason of the first when there is none', () => {
    assert.throws(() => availableModels(modelsOf(['a', 'b'], ['a', 'b'])), { code: 'starting', message: 'a is being loaded' })
  })
})
