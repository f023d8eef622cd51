import '../../src/process/no-telemetry.ts'

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { AutoTokenizer, env } from '@huggingface/transformers'
import fc from 'fast-check'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { PretrainedTokenizer, readTokenizerFiles } from '../../src/tokenizer/pretrained-tokenizer.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'
import { CHAT_STYLES } from '../support/chat-templates.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { folderFiles, TEXT_TOKENIZERS, type TokenizerFiles } from '../support/tokenizers.ts'

env.allowRemoteModels = false

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const shipped: TokenizerFiles = {
  tokenizer: JSON.parse(readFileSync(join(EMBEDDED, 'tokenizer.json'), 'utf8')),
  config: JSON.parse(readFileSync(join(EMBEDDED, 'tokenizer_config.json'), 'utf8'))
}
/** With tokens that need no vocabulary, and those written as objects. */
const asObjects: TokenizerFiles = {
  ...shipped,
  config: { ...shipped.config, bos_token: { __type: 'AddedToken', content: '<|endoftext|>' }, pad_token: null, unk_token: undefined }
}
const FILES: Readonly<Record<string, TokenizerFiles>> = {
  shipped,
  'tokens as objects': asObjects,
  ...TEXT_TOKENIZERS,
  ...Object.fromEntries(CHAT_STYLES.map(({ name, files }) => [`chat ${name}`, files]))
}

async function bothOf(t: Parameters<typeof tempFolder>[0], files: TokenizerFiles) {
  const folder = tempFolder(t, folderFiles(files))
  const theirs = await AutoTokenizer.from_pretrained(folder, { local_files_only: true })
  const { json, config } = await readTokenizerFiles(folder)
  return { theirs, ours: new PretrainedTokenizer(json, config) }
}

describe('the tokenizer of a folder is that of transformers.js', () => {
  for (const [name, files] of Object.entries(FILES)) {
    test(`${name}: same ids and the same text for the adversarial texts and for random ones`, async (t) => {
      const { theirs, ours } = await bothOf(t, files)
      assert.deepEqual([ours.beginId, ours.endId], [theirs.bos_token_id ?? null, theirs.eos_token_id ?? null])
      const compare = (text: string): void => {
        for (const addSpecialTokens of [false, true]) {
          const ids = theirs.encode(text, { add_special_tokens: addSpecialTokens })
          assert.deepEqual(ours.encode(text, { addSpecialTokens }), ids)
          if (ids.length > 0) assert.equal(ours.decode(ids), theirs.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }))
        }
      }
      // transformers.js takes minutes for texts of a megabyte.
      // It drops a byte order mark, and takes one for white space. The library that models are trained with does not.
      const texts = ADVERSARIAL_TEXTS.map(({ text }) => text.slice(0, 2000)).filter((text) => !/[\ufeff\x85]/.test(text))
      for (const text of texts) compare(text)
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          if (!/[\ufeff\x85]/.test(text)) compare(text)
        }),
        { numRuns: 50 }
      )
    })
  }
})

test('a folder without tokenizer_config.json is rejected with the reason', async (t) => {
  const folder = tempFolder(t, { 'tokenizer.json': '{}' })
  await assert.rejects(readTokenizerFiles(folder), { code: 'model_invalid', message: /tokenizer_config\.json cannot be read.*download it again/ })
})
