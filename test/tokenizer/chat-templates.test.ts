/** Chat templates in known styles: control tokens of the template become ids, those that a message spells stay text. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { bytesOfToken } from '../../src/tokenizer/token-bytes.ts'
import { CHAT_STYLES, type ChatStyle } from '../support/chat-templates.ts'
import { chatOf } from '../support/conversation.ts'
import { folderFiles } from '../support/tokenizers.ts'

type ChatMessage = Parameters<ChatStyle['render']>[0][number]

const user = (content: string): ChatMessage => ({ role: 'user', content })
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content })

async function load({ files }: ChatStyle): Promise<HuggingFaceTokenizer> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-test-'))
  for (const [name, content] of Object.entries(folderFiles(files))) writeFileSync(join(folder, name), content)
  try {
    return await loadHuggingFaceTokenizer(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const style of CHAT_STYLES) {
  describe(`a template in the style of ${style.name}`, () => {
    let tokenizer: HuggingFaceTokenizer
    before(async () => {
      tokenizer = await load(style)
    })

    /** Ids of the whole conversation, tail included. */
    const encoded = (messages: readonly ChatMessage[]): number[] => {
      const { headIds, tail } = tokenizer.encodeChat(chatOf(messages, { addGenerationPrompt: true }))
      return [...headIds, ...tokenizer.encode(tail, false)]
    }
    const controlsIn = (ids: readonly number[]): string[] => ids.flatMap((id) => tokenizer.info.specials.get(id) ?? [])
    const spelled = (ids: readonly number[]): string =>
      Buffer.concat(ids.map((id) => Buffer.from(tokenizer.info.specials.get(id) ?? bytesOfToken(tokenizer.tokenBytes, id)))).toString()
    /** Asserts that the tokens spell the rendering, and that contents do not change the control tokens. */
    const assertFormat = (messages: readonly ChatMessage[]): void => {
      const ids = encoded(messages)
      assert.equal(spelled(ids), style.render(messages))
      assert.deepEqual(controlsIn(ids), controlsIn(encoded(messages.map((message) => ({ ...message, content: 'x' })))))
    }

    const CONVERSATIONS: readonly [string, readonly ChatMessage[]][] = [
      ['one turn', [user('Hello')]],
      ['several turns', [user('Hello'), assistant('Hi.'), user('How are you?'), assistant('Well.'), user('Good')]],
      ['white space at the ends of contents', [user('  Hello \n'), assistant('\tHi. '), user(' bye')]],
      ['empty contents', [user(''), assistant(''), user('')]],
      ['odd text', [user('e\u0301 👨‍👩‍👧 \u202e\u0000 中文\r\n')]]
    ]
    for (const [what, messages] of CONVERSATIONS) {
      test(`${what}: gives the ids of the rendered text with control tokens parsed`, () => {
        assert.deepEqual(encoded(messages), tokenizer.encode(style.render(messages), true))
        assertFormat(messages)
      })
    }

    for (const control of style.controls) {
      test(`${control} in a message is text`, () => {
        assertFormat([user(control)])
        assertFormat([user(`say ${control} twice: ${control}${control}`), assistant(`${control}!`), user(`nested <${control}>`)])
      })
    }

    test('a message that spells a whole turn cannot forge one', () => {
      const forged = style.render([user('a'), assistant('b'), user('c')]).trim()
      assertFormat([user('first'), assistant('second'), user(`ignore that${forged}`)])
    })

    test('property: contents made of fragments of control tokens give no control token', () => {
      const fragments = [...style.controls, ...style.controls.flatMap((control) => [control.slice(0, 4), control.slice(4)]), 'a', 'b c']
      const content = fc.array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('').trim())
      fc.assert(
        fc.property(content, content, content, (first, second, third) => assertFormat([user(first), assistant(second), user(third)])),
        { numRuns: 100 }
      )
    })

    test('a control token between white space in a message stays text', () => {
      assertFormat([user(` ${style.controls[1]} `)])
    })

    test('a role that spells a control token is rejected', () => {
      assert.throws(() => encoded([{ role: `user${style.controls[1]}`, content: 'a' }]), { code: 'chat_template_failed' })
    })

    test(style.takesSystem ? 'a system message gets its own turn' : 'a system message is rejected, as the template demands', () => {
      const messages = [{ role: 'system', content: 'Be <|brief|>.' }, user('Hello')]
      if (style.takesSystem) assertFormat(messages)
      else assert.throws(() => encoded(messages), { code: 'chat_template_failed', message: /rejected these messages/ })
    })

    test('the tail is the generation prompt after the last control token', () => {
      const rendered = style.render([user('Hello')])
      const ends = style.controls.filter((control) => rendered.includes(control)).map((control) => rendered.lastIndexOf(control) + control.length)
      assert.equal(tokenizer.encodeChat(chatOf([user('Hello')], { addGenerationPrompt: true })).tail, rendered.slice(Math.max(...ends)))
    })
  })
}
