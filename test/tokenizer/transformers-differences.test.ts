import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { type CleanUp, tempFolder } from '../support/temp-folder.ts'
import { CLASS_TOKENIZERS, FLAGGED_TOKENIZERS, folderFiles, TEXT_TOKENIZERS, type TokenizerFiles } from '../support/tokenizers.ts'

async function notesOf(t: CleanUp, files: TokenizerFiles, modelType?: string): Promise<string[]> {
  const config = modelType === undefined ? {} : { 'config.json': JSON.stringify({ model_type: modelType }) }
  const { description } = await loadHuggingFaceTokenizer(tempFolder(t, { ...folderFiles(files), ...config }))
  return description.transformersNotes.map(({ concerns, message }) => `${concerns}: ${message}`)
}

/** What AutoTokenizer of both majors was seen to do (test/oracle/check_transformers.py). */
const EXPECTED: Readonly<Record<keyof typeof CLASS_TOKENIZERS, RegExp | null>> = {
  'llama-byte-level': /^added_tokens: transformers 4\.57 adds token 0 in front of a text .* tokenizer\.json and add no token around it/,
  'llama-byte-level-no-bos': null,
  'llama-legacy': /^text: transformers 5 builds its own .* LlamaTokenizer \(none, then Metaspace always\) .* \(Prepend Replace, then none\)/,
  'llama-eos': /^added_tokens: transformers 4\.57 adds token 1 in front of and 2 behind a text .* add token 1 in front of it/,
  'llama-first': null,
  'gpt2-own-pattern': /^text: transformers 5 builds its own .* GPT2Tokenizer \(none, then ByteLevel\) .* \(none, then Split Bytes\)/,
  'gpt2-prefix-space': /^text: transformers adds a space in front/,
  'prefix-space': /^text: transformers 4\.57 adds a space in front/,
  'gpt-neox': /^text: transformers 5 builds its own .* GPTNeoXTokenizer \(NFC, then ByteLevel\)/,
  'split-specials': /^text: transformers takes control tokens .* as text/,
  'missing-token': /^text: tokenizer_config\.json names 1 tokens that tokenizer\.json lacks \(<\|pad\|>\)/
}

describe('notes about transformers', () => {
  for (const [name, expected] of Object.entries(EXPECTED))
    test(`for ${name}: ${expected === null ? 'none' : 'one'}`, async (t) => {
      const notes = await notesOf(t, CLASS_TOKENIZERS[name as keyof typeof CLASS_TOKENIZERS])
      assert.equal(notes.length, expected === null ? 0 : 1, notes.join('\n'))
      if (expected !== null) assert.match(notes.join(), expected)
    })

  test('for tokenizers without a class of their own: none', async (t) => {
    for (const files of Object.values(TEXT_TOKENIZERS)) assert.deepEqual(await notesOf(t, files), [])
  })

  test('for an added token that is looked for in normalized text, behind a Prepend normalizer: how transformers 5 decodes it', async (t) => {
    assert.match((await notesOf(t, FLAGGED_TOKENIZERS['flagged-llama-2'])).join(), /^text: transformers 5 decodes an added token/)
    assert.deepEqual(await notesOf(t, FLAGGED_TOKENIZERS['flagged-gemma']), [])
  })

  test('for a model type that transformers 5 takes as it is: none', async (t) =>
    assert.deepEqual(await notesOf(t, CLASS_TOKENIZERS['llama-legacy'], 'mistral'), []))
})
