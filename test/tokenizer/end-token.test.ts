import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endTokenOf } from '../../src/tokenizer/end-token.ts'
import { tempFolder } from '../support/temp-folder.ts'

const spellingOf = (id: number): string | undefined => ['<a>', '<b>', '<c>'][id]
const json = (eos_token_id: unknown): string => JSON.stringify({ eos_token_id })

describe('endTokenOf', () => {
  for (const [what, files, tokenizerId, id, note] of [
    ['the id of tokenizer_config.json without other files', {}, 1, 1, null],
    ['the id of generation_config.json, and says so', { 'generation_config.json': json(2) }, 1, 2, /2 \(<c>\) of generation_config\.json; .* 1 \(<b>\)/],
    ['the tokenizer id among several', { 'generation_config.json': json([2, 1]) }, 1, 1, null],
    ['the first of several others', { 'generation_config.json': json([2, 0]) }, 1, 2, /of generation_config/],
    ['the id of config.json', { 'config.json': json(0) }, null, 0, /of config\.json; .* names none/],
    ['generation_config.json before config.json', { 'generation_config.json': json(2), 'config.json': json(0) }, 2, 2, null],
    ['no id that the tokenizer lacks', { 'generation_config.json': json(9), 'config.json': '{' }, 1, 1, null]
  ] as const) {
    it(`takes ${what}`, (t) => {
      const found = endTokenOf(tempFolder(t, files), tokenizerId, spellingOf)
      assert.equal(found.id, id)
      if (note === null) assert.equal(found.note, null)
      else assert.match(found.note ?? '', note)
    })
  }
})
