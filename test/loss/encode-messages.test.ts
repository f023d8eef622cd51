import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Text } from '../../src/jinja/text.ts'
import type { EncodedExample } from '../../src/loss/encoded-example.ts'
import type { ChatMessage } from '../../src/tokenizer/tokenizer.ts'
import { contentOf, FakeTokenizer } from '../support/fake-tokenizer.ts'
import { encodeExample } from '../support/loss-examples.ts'
import { present } from '../support/present.ts'

type Template = (messages: readonly ChatMessage[], isPrompt: boolean) => string

const CHAT: readonly ChatMessage[] = [
  { role: 'user', content: 'a' },
  { role: 'assistant', content: 'b' },
  { role: 'user', content: 'c' },
  { role: 'assistant', content: 'ab' }
]
/** Each message ends with `</s>`; the fake's own template begins each with `<s>` too. */
const ends: Template = (messages) => messages.map(({ content }) => `${content}</s>`).join('')
const plain: Template = (messages) => messages.map(({ content }) => `${content} `).join('')
const codes = ({ findings }: EncodedExample): string[] => findings.map(({ code }) => code)
/** Renders with placeholders first, to know what comes from which message. */
const traced =
  (template: Template) =>
  (messages: readonly ChatMessage[], isPrompt: boolean): Text => {
    const outline = template(
      messages.map((message, i) => ({ ...message, content: `\ue000${i}\ue001` })),
      isPrompt
    )
    const parts = outline.split(/\ue000(\d+)\ue001/)
    return Text.concat(parts.map((part, i) => (i % 2 === 0 ? new Text(part) : Text.from(contentOf(present(messages[Number(part)])), Number(part)))))
  }
const withTemplate = (template: Template) => ({ tokenizer: new FakeTokenizer({ template: traced(template) }) })

describe('encodeMessages', () => {
  it('trains the contents of the trained roles, and masks the rest', async () => {
    const { ids, reasons, findings, spellsCompletion } = await encodeExample({ messages: CHAT.slice(0, 2) })
    assert.deepEqual([...ids], [0, 3, 1, 0, 4, 1])
    assert.deepEqual(reasons, ['bos', 'prompt', 'template', 'template', 'completion', 'template'])
    assert.deepEqual([findings, spellsCompletion], [[], true])
  })

  it('trains the control token after each trained content when the end is scored', async () => {
    const [without, with_] = [await encodeExample({ messages: CHAT }), await encodeExample({ messages: CHAT, eos: 'score' })]
    assert.deepEqual(without.ids, with_.ids)
    assert.deepEqual(
      [without.endPositions, with_.endPositions],
      [
        [5, 11],
        [5, 11]
      ]
    )
    assert.ok(!without.reasons.includes('eos'))
    assert.deepEqual(
      with_.reasons.flatMap((reason, position) => (reason === 'eos' ? [position] : [])),
      [5, 11]
    )
    assert.equal(with_.absentEndId, null)
  })

  it('finds the end token after spaces', async () => {
    const { endPositions } = await encodeExample(
      { messages: CHAT.slice(0, 2) },
      withTemplate((messages) => messages.map(({ content }) => `${content}  </s>`).join(''))
    )
    assert.deepEqual(endPositions, [8])
  })

  it('adds a prefix token when the template writes none', async () => {
    const { ids, reasons } = await encodeExample({ messages: CHAT.slice(0, 2) }, withTemplate(ends))
    assert.deepEqual([...ids], [0, 3, 1, 4, 1])
    assert.equal(reasons[0], 'bos')
  })

  it('labels no token as prefix under prefix_token: none', async () => {
    const { reasons, inputInfo } = await encodeExample({ messages: CHAT.slice(0, 2), prefix_token: 'none' })
    assert.deepEqual([reasons[0], inputInfo.sizes.prefix], ['template', 0])
  })

  it('appends an end token when the template writes none after the last trained message', async () => {
    const scored = await encodeExample({ messages: CHAT.slice(0, 2), eos: 'score' }, withTemplate(plain))
    assert.deepEqual([...scored.ids], [0, 3, 2, 4, 2, 1])
    assert.deepEqual(scored.reasons, ['bos', 'prompt', 'template', 'completion', 'template', 'eos'])
    assert.deepEqual(codes(scored), ['template_missing_end'])
    const silent = await encodeExample({ messages: CHAT.slice(0, 2) }, withTemplate(plain))
    assert.deepEqual([silent.ids.length, silent.absentEndId], [5, 1])
  })

  it('appends none after a message that is not trained', async () => {
    const { reasons, absentEndId } = await encodeExample({ messages: CHAT.slice(0, 3), eos: 'score' }, withTemplate(plain))
    assert.ok(!reasons.includes('eos'))
    assert.equal(absentEndId, null)
  })

  it('rejects a model without end token only when one has to be appended', async () => {
    const context = (template: Template) => ({ tokenizer: new FakeTokenizer({ template: traced(template), facts: { endId: null } }) })
    await assert.rejects(encodeExample({ messages: CHAT, eos: 'score' }, context(plain)), { code: 'no_end_token', param: 'eos' })
    assert.deepEqual((await encodeExample({ messages: CHAT, eos: 'score' }, context(ends))).endPositions.length, 2)
  })

  it('reports a template whose generation prompt is not a prefix of the turn', async () => {
    const example = await encodeExample(
      { messages: CHAT },
      withTemplate((messages, isPrompt) => `${ends(messages, false)}${isPrompt ? 'c' : ''}`)
    )
    assert.deepEqual(codes(example), ['template_not_prefix_preserving'])
    assert.match(present(example.findings[0]?.message), /^before 2 of 2 trained messages/)
  })

  it('does not report the prompt before a first message', async () => {
    const template: Template = (messages, isPrompt) => (isPrompt && messages.length === 0 ? 'c' : ends(messages, false))
    assert.deepEqual(codes(await encodeExample({ messages: CHAT.slice(1, 2) }, withTemplate(template))), [])
  })

  it('masks a token across the end of a trained content', async () => {
    // "ab" is one token: the end of the content "a" lies inside it.
    const messages = [CHAT[0]!, { role: 'assistant', content: 'ca' }]
    const example = await encodeExample(
      { messages },
      withTemplate((all) => all.map(({ content }) => `${content}b</s>`).join(''))
    )
    assert.deepEqual(example.reasons, ['bos', 'prompt', 'template', 'completion', 'straddle', 'template'])
    assert.deepEqual([codes(example), example.spellsCompletion], [['merged_boundary_token'], false])
    assert.equal(example.boundary.status, 'warn')
  })

  it('trains a token that includes the space between generation prompt and content', async () => {
    const template: Template = (messages, isPrompt) => `${messages.map(({ content }) => `c ${content}</s>`).join('')}${isPrompt ? 'c' : ''}`
    const example = await encodeExample({ messages: [CHAT[1]!, { role: 'assistant', content: 'a' }] }, withTemplate(template))
    // The token " a" of the second message; the space of " b" is a token by itself.
    assert.deepEqual([...example.ids], [0, 5, 2, 4, 1, 5, 8, 1])
    assert.deepEqual(example.reasons, ['bos', 'template', 'template', 'completion', 'template', 'template', 'completion', 'template'])
    assert.deepEqual([example.spellsCompletion, codes(example)], [true, []])
  })
})
