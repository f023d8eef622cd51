import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { startTextTokenizer, startTokenizer } from '../../src/tokenizer/thread-tokenizer.ts'
import type { TextTokenizer, Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { byteLevel, folderFiles } from '../support/tokenizers.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

describe('a tokenizer thread', () => {
  let tokenizer: Tokenizer & TextTokenizer
  before(async () => {
    tokenizer = await startTokenizer(EMBEDDED, () => {})
  })
  after(() => tokenizer.close())

  test('takes a text of another request between the texts of a long one', async () => {
    const finished: string[] = []
    const long = tokenizer.encode(new Array(64).fill('word '.repeat(2000)), { parseSpecialTokens: false }).then((ids) => {
      finished.push('long')
      return ids
    })
    const short = tokenizer.encode(['a word'], { parseSpecialTokens: false }).then(() => finished.push('short'))
    const [ids] = await Promise.all([long, short])

    assert.deepEqual(finished, ['short', 'long'])
    assert.equal(ids.length, 64)
    assert.equal(new Set(ids.map((each) => each.join())).size, 1)
  })

  test('encodes no texts without asking', async () => assert.deepEqual(await tokenizer.encode([], { parseSpecialTokens: false }), []))

  test('answers in ids and back', async () => {
    const { ids, pieces } = await tokenizer.tokenize({ text: '<|endoftext|>The capital', addSpecialTokens: true }, true)
    assert.deepEqual(
      [[...ids], pieces],
      [
        [0, 485, 2021, 2647],
        ['<|endoftext|>', 'The', 'Ġcap', 'ital']
      ]
    )
    assert.equal(await tokenizer.detokenize([...ids]), '<|endoftext|>The capital')
  })
})

test('a model without a chat template tokenizes no conversation', async (t) => {
  const tokenizer = await startTextTokenizer(tempFolder(t, folderFiles(byteLevel())), () => {})
  t.after(() => tokenizer.close())
  await assert.rejects(tokenizer.tokenize({ messages: [{ role: 'user', content: 'Hi' }], addGenerationPrompt: true }, false), {
    code: 'chat_template_failed',
    message: /send prompt instead/
  })
})

test('calls to a thread that was ended are refused', async () => {
  const tokenizer = await startTextTokenizer(EMBEDDED, () => {})
  await tokenizer.close()
  await assert.rejects(tokenizer.detokenize([1]), { code: 'engine_unavailable' })
})
