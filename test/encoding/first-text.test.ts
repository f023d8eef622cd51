// Own process: it starts a tokenizer thread.
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import type { LogprobItem } from '../../src/encoding/logprob-item.ts'
import { ServiceError } from '../../src/errors.ts'
import { startTokenizer } from '../../src/tokenizer/threads/thread-tokenizer.ts'
import { chatOf } from '../support/conversation.ts'
import { itemOf, optionsOf } from '../support/logprob-items.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { folderFiles, sentencePiece } from '../support/tokenizers.ts'

const TEMPLATE = "{% for message in messages %}{{ '<s>' + message.content + '</s>' }}{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"

describe('a tokenizer that adds a space at the start of a text, but not behind a control token', async () => {
  const tokenizer = await startTokenizer(tempFolder({ after }, folderFiles(sentencePiece('metaspace', [], TEMPLATE))), () => undefined)
  after(() => tokenizer.close())
  const context = { tokenizer, vocabSize: tokenizer.info.vocabSize, maxModelLen: 1000, prefixTokenId: null, toleranceNats: 0, claimsFloat32: true }
  const encoded = async (item: LogprobItem) => {
    const [found] = await encodeItems([item], optionsOf({}), context)
    if (found === undefined || found instanceof ServiceError) throw found ?? new Error('no item')
    return found
  }

  for (const y of ['hello', ' hello', 'world, hello'])
    test(`gives an answer behind a generation prompt the ids of the whole rendering: ${JSON.stringify(y)}`, async () => {
      const item = { ...itemOf('', y), x: chatOf([{ role: 'user', content: 'hello' }], { addGenerationPrompt: true }) }
      const text = `<s>hello</s><s>${y}`
      const whole = await tokenizer.tokenize({ text, addSpecialTokens: false }, false)
      assert.deepEqual([...(await encoded(item)).ids], [...whole.ids])
    })

  test('splits a word between x and y', async () => {
    const { ids, boundary } = await encoded(itemOf('he', 'llo'))
    assert.equal(boundary.policy, 'split')
    assert.equal([...ids].map((id) => Buffer.from(tokenizer.bytesOf(id)).toString()).join(''), ' hello')
  })

  test('keeps the space of a text behind ids, which is tokenized by itself', async () => {
    const { ids } = await encoded({ ...itemOf('', 'hello'), x: [5] })
    assert.equal(Buffer.from(tokenizer.bytesOf(present(ids[1]))).toString(), ' hello')
  })
})
