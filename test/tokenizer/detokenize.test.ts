import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type IdWindow, textInPortions, textOfWindow } from '../../src/tokenizer/detokenize.ts'
import { PretrainedTokenizer, readTokenizerFiles } from '../../src/tokenizer/pretrained-tokenizer.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { folderFiles, TEXT_TOKENIZERS, type TokenizerFiles } from '../support/tokenizers.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const read = (name: string) => JSON.parse(readFileSync(join(EMBEDDED, name), 'utf8')) as Readonly<Record<string, unknown>>
const FILES: Readonly<Record<string, TokenizerFiles>> = {
  shipped: { tokenizer: read('tokenizer.json'), config: read('tokenizer_config.json') },
  ...TEXT_TOKENIZERS
}

describe('textInPortions is the text of all ids, with few ids in a portion', () => {
  for (const [name, files] of Object.entries(FILES)) {
    test(name, async (t) => {
      const { json, config } = await readTokenizerFiles(tempFolder(t, folderFiles(files)))
      const tokenizer = new PretrainedTokenizer(json, config)
      const decode = (ids: readonly number[]): string => tokenizer.decode(ids)
      const decoder = { detokenize: decode, spellingsOf: (ids: readonly number[]) => ids.map((id) => tokenizer.library.id_to_token(id) ?? '') }
      const check = async (ids: readonly number[], portionIds: number): Promise<void> => {
        const text = await textInPortions(Int32Array.from(ids), async (window) => textOfWindow(decoder, window), portionIds)
        assert.equal(text, ids.length === 0 ? '' : decode(ids))
      }
      for (const { text } of ADVERSARIAL_TEXTS) await check(tokenizer.encode(text.slice(0, 500), { addSpecialTokens: true }), 5)

      const known = [...Array(5000).keys()].filter((id) => tokenizer.library.id_to_token(id) !== undefined)
      // Small ids are bytes, most of them parts of no character.
      const id = fc.oneof(fc.constantFrom(...known), fc.constantFrom(...known.slice(0, 270)))
      const emoji = tokenizer.encode('👩‍👩‍👧‍👦 é 👍🏽', { addSpecialTokens: false })
      const ids = fc.array(fc.oneof(fc.array(id, { maxLength: 60 }), fc.constant(emoji)), { maxLength: 6 }).map((parts) => parts.flat())
      await fc.assert(fc.asyncProperty(ids, fc.integer({ min: 1, max: 40 }), check), { seed: 1, numRuns: 300 })
    })
  }
})

describe('textInPortions', () => {
  test('asks for windows of bounded size, each behind the tokens before it', async () => {
    const windows: IdWindow[] = []
    const decode = (ids: readonly number[]): string => ids.map((id) => `${id} `).join('')
    await textInPortions(
      Int32Array.from({ length: 5000 }, (_, i) => i),
      async (window) => {
        windows.push(window)
        return textOfWindow({ detokenize: decode, spellingsOf: () => [] }, window)
      }
    )
    assert.deepEqual(
      windows.map(({ ids, from, isLast }) => [ids.length, from, isLast]),
      [
        [2056, 0, false],
        [2072, 16, false],
        [920, 16, true]
      ]
    )
  })

  test('takes more ids at once where each changes all text before it', async () => {
    const decode = (ids: readonly number[]): string => `${ids.length}:${ids.join()}`
    const text = await textInPortions(
      Int32Array.from({ length: 100 }, (_, i) => i),
      async (window) => textOfWindow({ detokenize: decode, spellingsOf: () => [] }, window),
      4
    )
    assert.equal(text, decode([...Array(100).keys()]))
  })

  test('no ids have no text', async () => assert.equal(await textInPortions(new Int32Array(0), () => assert.fail()), ''))
})
