import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { encodeExample } from '../support/loss-examples.ts'

const given = (text: string) => ({ text, train: false })
const trained = (text: string) => ({ text, train: true })

describe('encodeSegments', () => {
  it('labels tokens by the segments that contain their bytes', async () => {
    const { ids, reasons, absentEndId } = await encodeExample({ segments: [given('a'), trained(' a'), given(''), given('c'), trained('c')] })
    assert.deepEqual([...ids], [0, 3, 8, 5, 5])
    assert.deepEqual(reasons, ['bos', 'prompt', 'completion', 'prompt', 'completion'])
    assert.equal(absentEndId, 1)
  })

  it('masks a shared token and reports that the trained text is not spelled', async () => {
    const { reasons, spellsCompletion, findings, boundary } = await encodeExample({ segments: [given('a'), trained('bc')] })
    assert.deepEqual(reasons, ['bos', 'straddle', 'completion'])
    assert.deepEqual([spellsCompletion, findings[0]?.code, boundary.status], [false, 'merged_boundary_token', 'warn'])
  })

  it('appends an end token when the last segment with text is trained', async () => {
    const reasonsOf = async (...segments: ReturnType<typeof given>[]): Promise<readonly string[]> => (await encodeExample({ segments, eos: 'score' })).reasons
    assert.equal((await reasonsOf(given('a'), trained('c'), given(''))).at(-1), 'eos')
    assert.equal((await reasonsOf(trained('a'), given('c'))).at(-1), 'prompt')
  })

  it('counts bytes and not characters', async () => {
    const { reasons } = await encodeExample({ segments: [given('é'), trained('c')] })
    assert.deepEqual(reasons, ['bos', 'prompt', 'prompt', 'completion'])
  })

  it('treats control tokens as text unless they are parsed on request', async () => {
    const body = { segments: [given('<s>a'), trained('c</s>')] }
    const parsed = await encodeExample({ ...body, parse_special_tokens: true })
    assert.deepEqual([...parsed.ids], [0, 3, 5, 1])
    assert.deepEqual([parsed.reasons, parsed.endPositions, parsed.spellsCompletion], [['bos', 'prompt', 'completion', 'eos'], [3], true])
  })

  it('rejects tokens that do not spell the segments', () =>
    assert.rejects(encodeExample({ segments: [trained('A')] }, { tokenizer: new FakeTokenizer({ normalize: (text) => text.toLowerCase() }) }), {
      code: 'boundary_not_exact',
      param: 'segments'
    }))

  it('rejects a text beyond the context, before tokenizing when its bytes suffice', async () => {
    const tokenizer = new FakeTokenizer()
    await assert.rejects(encodeExample({ segments: [given('c'.repeat(20)), trained('c'.repeat(20))] }, { tokenizer }), { code: 'context_length_exceeded' })
    assert.deepEqual(tokenizer.calls, [])
    await assert.rejects(encodeExample({ segments: [trained('c'.repeat(16))] }), { code: 'context_length_exceeded', message: /17 tokens; .* 16 tokens/ })
    assert.equal((await encodeExample({ segments: [trained('c'.repeat(15))] })).ids.length, 16)
  })
})
