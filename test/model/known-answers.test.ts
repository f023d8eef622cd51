import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readKnownAnswers } from '../../src/model/known-answers.ts'
import { tempFolder } from '../support/temp-folder.ts'

const TEXT = { text: 'a b', ids: [1, 2, 3], log_probs: [-1, -2] }
const setOf = (changes: object = {}): object => ({ model_sha256: 'h', dtype: 'fp32', execution_provider: 'any', texts: [TEXT], ...changes })
const fileOf = (...sets: object[]): Record<string, string> => ({ 'canary.json': JSON.stringify({ known_answers: sets }) })

describe('readKnownAnswers', () => {
  it('reads the texts for a dtype', (t) => {
    const folder = tempFolder(t, fileOf(setOf({ dtype: 'q4', texts: [] }), setOf()))
    assert.deepEqual(readKnownAnswers(folder, 'fp32', 'cpu'), { modelSha256: 'h', texts: [{ text: 'a b', ids: [1, 2, 3], logProbs: [-1, -2] }] })
  })

  it('prefers the values of the execution provider to those of a reference', (t) => {
    const folder = tempFolder(t, fileOf(setOf(), setOf({ execution_provider: 'cuda', model_sha256: 'c' })))
    assert.equal(readKnownAnswers(folder, 'fp32', 'cuda')?.modelSha256, 'c')
    assert.equal(readKnownAnswers(folder, 'fp32', 'cpu')?.modelSha256, 'h')
  })

  it('is null when nothing is stored for the dtype', (t) => {
    assert.equal(readKnownAnswers(tempFolder(t, fileOf(setOf())), 'q4', 'cpu'), null)
    assert.equal(readKnownAnswers(tempFolder(t), 'fp32', 'cpu'), null)
  })

  const BROKEN: readonly [string, string][] = [
    ['text that is not JSON', '{'],
    ['no list', '{}'],
    ['one log-probability a token', JSON.stringify({ known_answers: [setOf({ texts: [{ ...TEXT, log_probs: [-1, -2, -3] }] })] })],
    ['no hash', JSON.stringify({ known_answers: [setOf({ model_sha256: undefined })] })],
    ['null in the list', JSON.stringify({ known_answers: [null] })]
  ]
  for (const [what, text] of BROKEN) {
    it(`refuses a file with ${what}`, (t) => {
      assert.throws(() => readKnownAnswers(tempFolder(t, { 'canary.json': text }), 'fp32', 'cpu'), { code: 'model_invalid', message: /canary\.json/ })
    })
  }
})
