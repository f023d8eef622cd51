import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { startTextTokenizer, startTokenizer, tokenizeChunks, tokenizerByLength } from '../../../src/tokenizer/threads/thread-tokenizer.ts'
import type { TextTokenizer, Tokenizer } from '../../../src/tokenizer/tokenizer.ts'
import { chatOf } from '../../support/conversation.ts'
import { FakeTextTokenizer } from '../../support/fake-text-tokenizer.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { byteLevel, folderFiles } from '../../support/tokenizers.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

describe('a tokenizer thread', () => {
  let tokenizer: Tokenizer & TextTokenizer
  before(async () => {
    tokenizer = await startTokenizer(EMBEDDED, () => {})
  })
  after(() => tokenizer.close())

  test('encodes a text of another request between the texts of a long one', async () => {
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

  test('returns no ids for no texts', async () => assert.deepEqual(await tokenizer.encode([], { parseSpecialTokens: false }), []))

  test('tokenizes a text with spellings and detokenizes the ids', async () => {
    const { ids, spellingsJson } = await tokenizer.tokenize({ text: '<|endoftext|>The capital', addSpecialTokens: true }, true)
    assert.deepEqual(
      [[...ids], JSON.parse(Buffer.from(spellingsJson ?? []).toString())],
      [
        [0, 485, 2021, 2647],
        ['<|endoftext|>', 'The', 'Ġcap', 'ital']
      ]
    )
    assert.equal(await tokenizer.detokenize([...ids]), '<|endoftext|>The capital')
  })
})

test('a tokenizer without chat template rejects a conversation', async (t) => {
  const tokenizer = await startTextTokenizer(tempFolder(t, folderFiles(byteLevel())), () => {})
  t.after(() => tokenizer.close())
  await assert.rejects(tokenizer.tokenize({ conversation: chatOf([{ role: 'user', content: 'Hi' }]) }, false), {
    code: 'chat_template_failed',
    message: /send prompt instead/
  })
})

test('a call after close is rejected', async () => {
  const tokenizer = await startTextTokenizer(EMBEDDED, () => {})
  await tokenizer.close()
  await assert.rejects(tokenizer.detokenize([1]), { code: 'engine_unavailable' })
})

describe('tokenizeChunks', () => {
  test('fills each chunk up to the limit and keeps the order', () =>
    assert.deepEqual([...tokenizeChunks(['ab', 'c', '', 'def', 'g', 'h'], 4)], [['ab', 'c', ''], ['def', 'g'], ['h']]))

  test('gives a text above the limit its own chunk', () => assert.deepEqual([...tokenizeChunks(['a', 'bcdefg', 'h'], 4)], [['a'], ['bcdefg'], ['h']]))

  test('returns no chunks without texts', () => assert.deepEqual([...tokenizeChunks([])], []))
})

describe('tokenizerByLength', () => {
  const tokenizers = () => {
    const [short, long] = [new FakeTextTokenizer(), new FakeTextTokenizer()]
    return { short, long, tokenizer: tokenizerByLength(short, long) }
  }

  test('sends texts and conversations above 2,048 units to the long tokenizer', async () => {
    const { short, long, tokenizer } = tokenizers()
    const [content, addGenerationPrompt] = ['y'.repeat(2049), true]
    await tokenizer.tokenize({ text: 'x'.repeat(2048), addSpecialTokens: false }, false)
    await tokenizer.tokenize({ text: 'x'.repeat(2049), addSpecialTokens: false }, false)
    await tokenizer.tokenize({ conversation: chatOf([{ role: 'user', content: 'hello' }], { addGenerationPrompt }) }, false)
    await tokenizer.tokenize({ conversation: chatOf([{ role: 'user', content }], { addGenerationPrompt }) }, false)
    assert.deepEqual([short.calls.length, long.calls.length], [2, 2])
  })

  test('sends more than 2,048 ids to the long tokenizer', async () => {
    const { short, long, tokenizer } = tokenizers()
    await tokenizer.detokenize(new Array(2048).fill(65))
    assert.deepEqual([short.calls.length, long.calls.length], [1, 0])
    await tokenizer.detokenize(new Array(2049).fill(65))
    assert.deepEqual([short.calls.length, long.calls.length], [1, 1])
  })
})
