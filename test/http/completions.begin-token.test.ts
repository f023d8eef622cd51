import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { completionsOf, onlyChoice } from '../support/completions-body.ts'
import { present } from '../support/present.ts'
import { type RunningService, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BEGIN = '<s>'
/** What the model generates after AFTER: its end token, once the tokenizer says so. */
const [AFTER, END_ID, END] = [70, 16, '/'] as const

/**
 * A small random model, most of whose tokens are single bytes; its tokenizer puts a BOS in front of a text and ends it
 * with END.
 */
function writeModel(folder: string): void {
  cpSync(join(PACKAGE_FOLDER, 'test', 'data', 'models', 'llama'), folder, { recursive: true })
  const path = join(folder, 'tokenizer.json')
  const tokenizer = JSON.parse(readFileSync(path, 'utf8')) as { readonly added_tokens: readonly object[] }
  const added_tokens = [...tokenizer.added_tokens, { ...tokenizer.added_tokens[1], id: END_ID, content: END }]
  const post_processor = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: BEGIN, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [BEGIN]: { id: BEGIN, ids: [0], tokens: [BEGIN] } }
  }
  writeFileSync(path, JSON.stringify({ ...tokenizer, added_tokens, post_processor }))
  const config = join(folder, 'tokenizer_config.json')
  writeFileSync(config, JSON.stringify({ ...(JSON.parse(readFileSync(config, 'utf8')) as object), eos_token: END }))
}

describe('POST /v1/completions with a tokenizer that puts a BOS in front of every text', () => {
  const folder = tempFolder({ after })
  let service: RunningService
  before(async () => {
    writeModel(folder)
    service = await startService({ LOGPR_MODEL: folder })
  })
  after(() => service.stop())

  const tokensOf = async (fields: object): Promise<readonly string[]> =>
    (await onlyChoice(service, { max_tokens: 0, echo: true, logprobs: 0, ...fields })).logprobs.tokens

  test('begins a text with it once, whether or not the text spells one, and leaves it out where that is asked for', async () => {
    const plain = await tokensOf({ prompt: 'hello' })
    assert.equal(plain[0], BEGIN)
    assert.deepEqual(await tokensOf({ prompt: `${BEGIN}hello` }), plain)
    assert.deepEqual(await tokensOf({ prompt: 'hello', add_special_tokens: false }), plain.slice(1))
  })

  test('counts offsets in the text that was sent, where the BOS takes no place', async () => {
    const { text, logprobs } = await onlyChoice(service, { prompt: 'hello', max_tokens: 0, echo: true, logprobs: 0 })
    assert.deepEqual([text, logprobs.text_offset.slice(0, 2)], ['hello', [0, 0]])
  })

  test('never adds it to ids', async () => {
    const prompt = [
      [70, 71],
      [0, 0, 70]
    ]
    assert.equal((await completionsOf(service, { prompt, max_tokens: 0, echo: true, logprobs: 0 })).usage.prompt_tokens, 5)
  })

  test('takes an empty text for the BOS alone', async () => {
    assert.deepEqual(await tokensOf({ prompt: '' }), [BEGIN])
  })

  test('keeps an end token that is generated in every list', async () => {
    const { text, logprobs } = await onlyChoice(service, { prompt: [[AFTER]], max_tokens: 1, echo: true, logprobs: 1 })
    assert.deepEqual([logprobs.tokens.length, logprobs.token_logprobs.length, logprobs.top_logprobs.length, logprobs.text_offset.length], [2, 2, 2, 2])
    assert.equal(logprobs.tokens[1], END)
    assert.equal(logprobs.top_logprobs[1]?.[END], logprobs.token_logprobs[1])
    assert.equal(text, logprobs.tokens.join(''))
    const next = await onlyChoice(service, { prompt: [[AFTER]], max_tokens: 1, logprobs: 0, return_tokens_as_token_ids: true })
    assert.deepEqual(next.logprobs.tokens, [`token_id:${END_ID}`])
  })

  test('keeps the largest value of bytes that read alike, so that none is taken for the most probable token', async () => {
    const body = { prompt: '漢字 👍 é 👍🏽 ü', max_tokens: 1, echo: true, logprobs: 20 }
    const [named, byId] = [await onlyChoice(service, body), await onlyChoice(service, { ...body, return_tokens_as_token_ids: true })]
    const hidden = named.logprobs.token_logprobs.filter((value, i) => {
      const [entry, all] = [named.logprobs.top_logprobs[i], byId.logprobs.top_logprobs[i]]
      if (value === null || entry == null || all == null) return false
      assert.equal(Math.max(...Object.values(entry)), Math.max(...Object.values(all)))
      // Shown under a name whose number is that of another token.
      return entry[present(named.logprobs.tokens[i])] !== value
    })
    assert.ok(hidden.length > 0)
    assert.deepEqual(named.logprobs.token_logprobs, byId.logprobs.token_logprobs)
  })
})
