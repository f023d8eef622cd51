import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ServiceError } from '../../../src/errors.ts'
import { Text } from '../../../src/jinja/text.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { loadHuggingFaceTokenizer } from '../../../src/tokenizer/hugging-face.ts'
import { bytesOfToken } from '../../../src/tokenizer/token-bytes.ts'
import type { ChatMessage } from '../../../src/tokenizer/tokenizer.ts'
import { chatOf } from '../../support/conversation.ts'
import { contentOf, FakeTokenizer } from '../../support/fake-tokenizer.ts'
import { present } from '../../support/present.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const say = (role: string, content: string): ChatMessage => ({ role, content })
const CHAT = [say('user', 'a'), say('assistant', 'b c')]

describe('encodeConversation', () => {
  it('returns control tokens of the template as ids, and the bytes of every token and content', async () => {
    const { text, ids, starts, contents } = await new FakeTokenizer().encodeConversation(chatOf(CHAT), ['assistant'])

    assert.equal(text, '<s>a</s><s>b c</s>')
    assert.deepEqual([...ids], [0, 3, 1, 0, 4, 2, 5, 1])
    assert.deepEqual([...starts], [0, 3, 4, 8, 11, 12, 13, 14, 18])
    assert.deepEqual(contents, [
      { start: 3, end: 4, promptEnd: null },
      { start: 11, end: 14, promptEnd: 11 }
    ])
  })

  it('renders a conversation that is too long only once', async () => {
    let renderings = 0
    const template = (messages: readonly ChatMessage[]): Text => {
      renderings++
      return new Text(' ').join(messages.map((message, i) => Text.from(contentOf(message), i)))
    }
    const encode = (maxTokens: number): Promise<unknown> => new FakeTokenizer({ template }).encodeConversation(chatOf(CHAT), ['assistant'], { maxTokens })
    await assert.rejects(encode(3), { code: 'context_length_exceeded', param: 'messages', message: /has 5 tokens, and 3 are possible/ })
    assert.equal(renderings, 1)
    await encode(5)
  })

  it('keeps a control token that a message spells as text', async () => {
    const { ids } = await new FakeTokenizer().encodeConversation(chatOf([say('user', '<s>')]), [])
    assert.deepEqual([...ids], [0, 11, 12, 13, 1])
  })

  it('returns no prompt end if the rendering does not begin with the prompt, or if the prompt cannot be rendered', async () => {
    const promptEndWith = async (prompt: () => string): Promise<unknown> => {
      const template = (messages: readonly ChatMessage[], isPrompt: boolean): Text =>
        isPrompt ? new Text(prompt()) : new Text(' ').join(messages.map((message, i) => Text.from(contentOf(message), i)))
      return (await new FakeTokenizer({ template }).encodeConversation(chatOf(CHAT), ['assistant'])).contents[1]?.promptEnd
    }
    assert.equal(await promptEndWith(() => 'a '), 2)
    assert.equal(await promptEndWith(() => 'a b'), null)
    assert.equal(await promptEndWith(() => 'b'), null)
    assert.equal(
      await promptEndWith(() => {
        throw new ServiceError('chat_template_failed', 'no such turn')
      }),
      null
    )
    const fault = new TypeError('a bug')
    await assert.rejects(
      promptEndWith(() => {
        throw fault
      }),
      fault
    )
  })

  for (const [what, order] of [
    ['moves contents', [1, 0]],
    ['repeats a content', [0, 1, 0]],
    ['leaves out a content that the model generates', [0]]
  ] as const) {
    it(`rejects a template that ${what}`, () => {
      const template = (messages: readonly ChatMessage[]): Text => Text.concat(order.map((i) => Text.from(contentOf(present(messages[i])), i)))
      const failure = { code: 'chat_template_failed', message: /send it as segments/ }
      return assert.rejects(new FakeTokenizer({ template }).encodeConversation(chatOf(CHAT), ['assistant']), failure)
    })
  }

  it('takes all that a template writes between parts of a content for the content', async () => {
    const template = ([message]: readonly ChatMessage[]): Text =>
      Text.concat([
        new Text('a'),
        Text.from(message === undefined ? '' : contentOf(message), 0).slice(0, 1),
        new Text('c'),
        Text.from(message === undefined ? '' : contentOf(message), 0).slice(2)
      ])
    const { contents } = await new FakeTokenizer({ template }).encodeConversation(chatOf([say('assistant', 'b b')]), ['assistant'])
    assert.deepEqual(contents, [{ start: 1, end: 4, promptEnd: null }])
  })

  it('rejects tokens that do not spell the rendering', () =>
    assert.rejects(new FakeTokenizer({ normalize: (text) => text.replace('a', 'b') }).encodeConversation(chatOf(CHAT), []), { code: 'boundary_not_exact' }))

  it('locates contents with the embedded model, whose generation prompt ends before a space', async () => {
    const tokenizer = await loadHuggingFaceTokenizer(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
    const { text, ids, starts, contents } = tokenizer.encodeConversation(chatOf([say('user', 'Is it é?'), say('assistant', '4')]), ['assistant'])
    const bytes = Buffer.from(text)

    assert.equal(text, 'User: Is it é?\n\nAssistant: 4\n\n')
    assert.deepEqual(
      contents.map((content) => bytes.subarray(content?.start, content?.end).toString()),
      ['Is it é?', '4']
    )
    assert.equal(bytes.subarray(0, present(contents[1]?.promptEnd)).toString(), 'User: Is it é?\n\nAssistant:')
    ids.forEach((id, i) => assert.deepEqual(Buffer.from(bytesOfToken(tokenizer.tokenBytes, id)), bytes.subarray(starts[i], starts[i + 1])))
  })

  it('counts thinking, and what the template writes behind its generation prompt, as what the model writes', async (t) => {
    const embedded = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
    const { templates } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'tokenizer', 'conversations.json'), 'utf8')) as {
      templates: { source: string }[]
    }
    const folder = tempFolder(t, {
      'tokenizer_config.json': JSON.stringify({ chat_template: templates[0]?.source }),
      'tokenizer.json': readFileSync(join(embedded, 'tokenizer.json'))
    })
    const tokenizer = await loadHuggingFaceTokenizer(folder)
    const spoken = (last: ChatMessage, variables = {}): unknown => {
      const { text, contents } = tokenizer.encodeConversation(chatOf([say('user', 'q'), last], { variables }), ['assistant'])
      return Buffer.from(text).subarray(contents[1]?.start, contents[1]?.end).toString()
    }
    assert.equal(spoken({ role: 'assistant', content: 'a', reasoning: 'why' }), '<think>\nwhy\n</think>\n\na')
    assert.equal(spoken(say('assistant', 'a')), '<think>\n\n</think>\n\na')
    // Without thinking, the generation prompt has the empty block, which the history of this template leaves out.
    assert.equal(spoken(say('assistant', 'a'), { enable_thinking: false }), 'a')
  })

  it('handles a template that trims contents and writes end tokens', async (t) => {
    const embedded = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
    const config = JSON.parse(readFileSync(join(embedded, 'tokenizer_config.json'), 'utf8')) as object
    const chat_template =
      "{{ messages[0]['role'] and '' }}{% for message in messages %}{{ '[' + message['role'] + ']\\n' + (message['content'] | trim) + '<|endoftext|>' }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]\\n' }}{% endif %}"
    const folder = tempFolder(t, {
      'tokenizer_config.json': JSON.stringify({ ...config, chat_template }),
      'tokenizer.json': readFileSync(join(embedded, 'tokenizer.json'))
    })
    const tokenizer = await loadHuggingFaceTokenizer(folder)
    const { text, ids, starts, contents } = tokenizer.encodeConversation(chatOf([say('user', ' <|endoftext|>? '), say('assistant', ' yes\n')]), ['assistant'])

    assert.equal(text, '[user]\n<|endoftext|>?<|endoftext|>[assistant]\nyes<|endoftext|>')
    // The end token that the user spells is text.
    const ends = Array.from(ids.keys()).filter((i) => ids[i] === 0)
    assert.deepEqual(
      ends.map((i) => starts[i]),
      [text.indexOf('?') + 1, text.length - '<|endoftext|>'.length]
    )
    assert.deepEqual(contents[1], { start: text.indexOf('yes'), end: text.indexOf('yes') + 3, promptEnd: text.indexOf('yes') })
  })
})
