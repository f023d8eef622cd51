import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { rerankTemplates } from '../../src/rerank/template.ts'
import { tempFolder } from '../support/temp-folder.ts'

const OWN = { name: 'own', pieces: ['<s>', '{query} {document}?'], labels: { yes: ' yes', no: ' no' } }

describe('rerankTemplates', () => {
  it('puts the chosen one first', () => {
    assert.deepEqual([...rerankTemplates('').keys()], ['qwen3-reranker', 'bge-reranker-v2-gemma'])
    assert.deepEqual([...rerankTemplates('bge-reranker-v2-gemma').keys()], ['bge-reranker-v2-gemma', 'qwen3-reranker'])
  })

  it('reads a file, and has defaults for what it leaves out', (t) => {
    const path = join(tempFolder(t), 'own.json')
    writeFileSync(path, JSON.stringify(OWN))
    const templates = rerankTemplates(path)
    assert.deepEqual([...templates.keys()], ['own', 'qwen3-reranker', 'bge-reranker-v2-gemma'])
    assert.deepEqual(templates.get('own'), { ...OWN, instruction: '', hasPrefixToken: true, controlTokens: [] })
  })

  for (const [file, says] of [
    ['{', /not JSON/],
    ['[]', /JSON object/],
    [JSON.stringify({ ...OWN, prompt: 'a' }), /"prompt" is not a field/],
    [JSON.stringify({ ...OWN, name: '' }), /name/],
    [JSON.stringify({ ...OWN, pieces: ['{query}'] }), /\{document\}/],
    [JSON.stringify({ ...OWN, pieces: [] }), /pieces/],
    [JSON.stringify({ ...OWN, pieces: ['{query}{document}{instruction}'] }), /instruction/],
    [JSON.stringify({ ...OWN, labels: { yes: 'a', no: 'a' } }), /labels/],
    [JSON.stringify({ ...OWN, prefix_token: true }), /prefix_token/],
    [JSON.stringify({ ...OWN, control_tokens: [''] }), /control_tokens/]
  ] as const)
    it(`refuses the file ${file}`, (t) => {
      const path = join(tempFolder(t), 'own.json')
      writeFileSync(path, file)
      assert.throws(() => rerankTemplates(path), { code: 'configuration_invalid', message: says })
    })

  it('names what can be chosen when there is no such file', () => {
    assert.throws(() => rerankTemplates('/nowhere'), {
      code: 'configuration_invalid',
      message: /--rerank-template \/nowhere: .*qwen3-reranker, bge-reranker-v2-gemma/
    })
  })
})
