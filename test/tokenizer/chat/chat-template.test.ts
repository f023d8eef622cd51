import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ChatTemplate, chosenTemplate } from '../../../src/tokenizer/chat/chat-template.ts'
import { readChatTemplates } from '../../../src/tokenizer/chat/chat-template-files.ts'
import type { ChatMessage } from '../../../src/tokenizer/tokenizer.ts'
import { chatOf } from '../../support/conversation.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const user = { role: 'user', content: 'secret' }
const CHAT = chatOf([user], { addGenerationPrompt: true })
const named = {
  chat_template: [
    { name: 'default', template: 'default' },
    { name: 'tool_use', template: 'tools' }
  ]
}

describe('readChatTemplates', () => {
  it('reads one template, or several by name, from tokenizer_config.json', (t) => {
    const folder = tempFolder(t, {})
    assert.deepEqual([...readChatTemplates(folder, { chat_template: 'one' })], [['default', 'one']])
    assert.deepEqual([...readChatTemplates(folder, named).keys()], ['default', 'tool_use'])
    assert.equal(readChatTemplates(folder, {}).size, 0)
  })

  it('prefers chat_template.jinja, and reads further templates beside it', (t) => {
    const folder = tempFolder(t, { 'chat_template.jinja': 'file' })
    mkdirSync(join(folder, 'additional_chat_templates'))
    writeFileSync(join(folder, 'additional_chat_templates', 'tool_use.jinja'), 'more')
    assert.deepEqual(
      [...readChatTemplates(folder, named)],
      [
        ['default', 'file'],
        ['tool_use', 'more']
      ]
    )
  })
})

describe('ChatTemplate', () => {
  const of = (source: string): ChatTemplate => new ChatTemplate(new Map([['default', source]]), { bos_token: { content: '<s>' }, eos_token: null })

  it('renders with the special tokens and without tools', () => {
    const source = '{{ bos_token }}{{ eos_token is defined }}{{ tools is none }}{{ messages[0].content }}{% if add_generation_prompt %}>{% endif %}'
    assert.equal(of(source).render(CHAT).text.value, '<s>FalseTruesecret>')
  })

  it('names the construct that it cannot render', () => {
    const template = of('{% include "x" %}')
    assert.match(template.fault ?? '', /the statement include.*cannot render exactly/)
    assert.throws(() => template.render(CHAT), { code: 'chat_template_failed', message: /the statement include/ })
  })

  it("passes on the template's own message, and quotes no conversation otherwise", () => {
    assert.throws(() => of("{{ raise_exception('Roles must alternate') }}").render(CHAT), {
      code: 'chat_template_failed',
      message: 'the chat template rejected these messages: Roles must alternate'
    })
    assert.throws(
      () => of('{{ messages[0].content + 1 }}').render(CHAT),
      (error) => error instanceof Error && !error.message.includes('secret') && error.message.includes("unsupported operand type(s) for +: 'str' and 'int'")
    )
  })

  it('says which message a template that fails may not expect', () => {
    const failing = (source: string, message: ChatMessage): void => void of(source).render(chatOf([user, message]))
    const joined = '{% for message in messages %}{{ message.role + message.content }}{% endfor %}'
    assert.throws(() => failing(joined, { role: 'user', content: [{ type: 'text', text: 'secret' }] }), {
      message: /'str' and 'list'\. The content of messages\/1 is a list of parts, which this template does not read: send it as one text$/
    })
    assert.throws(() => failing(joined, { role: 'assistant', content: null }), {
      message: /no attribute 'content'\. messages\/1 has no content, or null, which is the same: send "" if the template needs a text$/
    })
    assert.throws(() => failing(`${joined}{{ 1 + "" }}`, user), { message: /'int' and 'str'$/ })
  })

  it('does not blame transformers for a limit of logpr', () => {
    assert.throws(() => of('{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}').render(CHAT), {
      code: 'chat_template_failed',
      message: 'the chat template needs too much work for this conversation, because its loops run more than 2000000 times: send fewer messages and tools'
    })
  })

  it('asks for a choice among several templates without a default one', () => {
    assert.match(
      new ChatTemplate(
        new Map([
          ['a', ''],
          ['b', '']
        ]),
        {}
      ).fault ?? '',
      /templates a, b.*--chat-template/
    )
  })
})

describe('chosenTemplate', () => {
  const templates = new Map([['tool_use', 'tools']])

  it("takes one of the model's templates by name, or a file", (t) => {
    assert.equal(chosenTemplate('tool_use', templates, {}).source, 'tools')
    assert.equal(chosenTemplate(join(tempFolder(t, { 'own.jinja': 'own' }), 'own.jinja'), templates, {}).source, 'own')
  })

  it('rejects anything else, and a template that cannot be rendered', (t) => {
    assert.throws(() => chosenTemplate('none.jinja', templates, {}), { code: 'configuration_invalid', message: /it has tool_use/ })
    const file = join(tempFolder(t, { 'bad.jinja': '{% if %}' }), 'bad.jinja')
    assert.throws(() => chosenTemplate(file, templates, {}), { code: 'configuration_invalid', message: /not valid Jinja: line 1/ })
  })
})
