import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { present } from '../support/present.ts'

const tokenizer = await loadHuggingFaceTokenizer(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
const spelled = (ids: readonly number[]): string => Buffer.concat(ids.map((id) => present(tokenizer.tokenBytes[id]))).toString()

describe('the embedded tokenizer', () => {
  test('property: its tokens spell any text exactly', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => spelled(tokenizer.encode(text, false)) === text))
  })

  test('takes a control token spelled in text as text, and as one id when parsed', () => {
    assert.equal(spelled(tokenizer.encode('<|endoftext|>', false)), '<|endoftext|>')
    assert.deepEqual(tokenizer.encode('a<|endoftext|>', true).at(-1), 0)
  })

  test('adds nothing of its own', () => {
    assert.deepEqual(tokenizer.encode('', false), [])
    assert.equal(spelled(tokenizer.encode(' a', true)), ' a')
  })

  test('leaves the generation prompt as text that an output can merge with', () => {
    const { headIds, tail } = tokenizer.encodeChat([{ role: 'user', content: 'Hello' }])
    assert.deepEqual([headIds, tail], [[], 'User: Hello\n\nAssistant:'])
  })

  test('no token spells more bytes than it says', () => {
    assert.ok(tokenizer.tokenBytes.every(({ length }) => length <= tokenizer.facts.maxTokenBytes))
    assert.ok(tokenizer.tokenBytes.some(({ length }) => length === tokenizer.facts.maxTokenBytes))
  })
})

test('a folder without a readable tokenizer.json is refused with the reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-'))
  await assert.rejects(loadHuggingFaceTokenizer(folder), { code: 'model_invalid', message: /tokenizer\.json cannot be read/ })
  writeFileSync(join(folder, 'tokenizer.json'), '{')
  await assert.rejects(loadHuggingFaceTokenizer(folder), { code: 'model_invalid' })
})
