import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'
import { chatOf } from '../support/conversation.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { byteLevel, folderFiles, TEXT_TOKENIZERS, type TokenizerFiles } from '../support/tokenizers.ts'

const load = (t: TestContext, files: TokenizerFiles): Promise<HuggingFaceTokenizer> => loadHuggingFaceTokenizer(tempFolder(t, folderFiles(files)))
/** Id of the token of one byte in SentencePiece. */
const byte = (value: number): number => 3 + value

// Expected ids and texts are those of the tokenizers library; test/oracle/check_text_tokenizer.py compares many more.
describe('tokenize', () => {
  const LLAMA = TEXT_TOKENIZERS['sentencepiece-llama-2']

  test('adds the ids of the post-processor only if requested', async (t) => {
    const llama = await load(t, LLAMA)
    assert.deepEqual(llama.tokenize({ text: 'hello world', addSpecialTokens: true }).ids, [1, 347, 353])
    assert.deepEqual(llama.tokenize({ text: 'hello world', addSpecialTokens: false }).ids, [347, 353])
    const unigram = await load(t, TEXT_TOKENIZERS.unigram)
    assert.deepEqual(unigram.tokenize({ text: 'hello world', addSpecialTokens: true }).ids, [7, 13, 2])
  })

  test('adds no second BOS to a text that begins with one, and removes none', async (t) => {
    const llama = await load(t, LLAMA)
    assert.deepEqual(llama.tokenize({ text: '<s>hello', addSpecialTokens: true }).ids, [1, 347])
    assert.deepEqual(llama.tokenize({ text: '<s><s>hello', addSpecialTokens: true }).ids, [1, 1, 347])
    assert.deepEqual(llama.tokenize({ text: '<s><s>hello', addSpecialTokens: false }).ids, [1, 1, 347])
    const unigram = await load(t, TEXT_TOKENIZERS.unigram)
    assert.deepEqual(unigram.tokenize({ text: '<s><s>hello', addSpecialTokens: true }).ids.slice(0, 2), [1, 1])
  })

  test('adds the ids of the post-processor to an empty text', async (t) => {
    const llama = await load(t, LLAMA)
    assert.deepEqual(llama.tokenize({ text: '', addSpecialTokens: true }).ids, [1])
    assert.deepEqual(llama.tokenize({ text: '', addSpecialTokens: false }).ids, [])
  })

  for (const [name, files] of Object.entries(TEXT_TOKENIZERS)) {
    test(`${name}: the spelling of the end token becomes its id`, async (t) => {
      const tokenizer = await load(t, files)
      const { endToken } = tokenizer.description
      assert.deepEqual(tokenizer.tokenize({ text: present(endToken), addSpecialTokens: false }).ids, [tokenizer.info.endId])
    })
  }

  test('renders a conversation with and without generation prompt, and keeps control tokens in contents as text', async (t) => {
    const template = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>' }}{% endif %}"
    const chatty = await load(t, byteLevel({}, [{ content: '<|im_start|>' }, { content: '<|im_end|>' }], template))
    const ids = (content: string, addGenerationPrompt: boolean): readonly number[] =>
      chatty.tokenize({ conversation: chatOf([{ role: 'user', content }], { addGenerationPrompt }) }).ids
    const inner = chatty.encode('Hi', false)
    assert.deepEqual(ids('Hi', true), [4096, ...inner, 4097, 4096])
    assert.deepEqual(ids('Hi', false), [4096, ...inner, 4097])
    assert.equal(ids('<|im_end|>', false).filter((id) => id === 4097).length, 1)
  })

  test('returns the spelling of each token in the vocabulary', async (t) => {
    const tokenizer = await load(t, TEXT_TOKENIZERS.embedded)
    assert.deepEqual(tokenizer.spellingsOf([485, 2021, 2647, 0]), ['The', 'Ġcap', 'ital', '<|endoftext|>'])
  })
})

describe('detokenize', () => {
  for (const name of ['embedded', 'byte-level-bos', 'byte-level-llama-3'] as const) {
    test(`${name}: restores every text from its ids`, async (t) => {
      const tokenizer = await load(t, TEXT_TOKENIZERS[name])
      for (const { text } of ADVERSARIAL_TEXTS) assert.equal(tokenizer.detokenize(tokenizer.tokenize({ text, addSpecialTokens: false }).ids), text)
    })
  }

  test('spells control tokens out and removes only the space that SentencePiece added', async (t) => {
    const llama = await load(t, TEXT_TOKENIZERS['sentencepiece-llama-2'])
    assert.equal(llama.detokenize([347, 353]), 'hello world')
    assert.equal(llama.detokenize([259, 347]), ' hello')
    assert.equal(llama.detokenize([1, 347, 2]), '<s> hello</s>')
  })

  test('returns U+FFFD for a part of a character, and one per byte for a run of invalid UTF-8', async (t) => {
    const embedded = await load(t, TEXT_TOKENIZERS.embedded)
    assert.deepEqual([embedded.detokenize([173, 254]), embedded.detokenize([173, 254, 248, 225])], ['\ufffd', '🙂'])
    const mistral = await load(t, TEXT_TOKENIZERS['sentencepiece-mistral'])
    assert.equal(mistral.detokenize([0xe4, 0xb8, 0xad].map(byte)), '中')
    assert.equal(mistral.detokenize([0xe4, 0xb8].map(byte)), '\ufffd\ufffd')
    assert.equal(mistral.detokenize([1, 259, ...[0xe4, 0xb8, 0xad, 0xff].map(byte)]), '<s> \ufffd\ufffd\ufffd\ufffd')
  })

  test('never cleans up spaces, whatever the configuration says', async (t) => {
    const { tokenizer, config } = byteLevel()
    const cleaning = await load(t, { tokenizer, config: { ...config, clean_up_tokenization_spaces: true } })
    const text = "They do n't stop , even here ."
    assert.equal(cleaning.detokenize(cleaning.tokenize({ text, addSpecialTokens: false }).ids), text)
  })

  test('keeps a byte order mark', async (t) => {
    const llama = await load(t, TEXT_TOKENIZERS['sentencepiece-llama-2'])
    assert.equal(llama.detokenize([...[0xef, 0xbb, 0xbf].map(byte), 260]), '\ufeffa')
  })

  test('returns an empty text for no ids, and rejects an id without token', async (t) => {
    // Id 4097 has no token.
    const { tokenizer, config } = byteLevel()
    const added = [...(tokenizer.added_tokens as object[]), { id: 4098, content: '<late>', special: true, normalized: false }]
    const holed = await load(t, { tokenizer: { ...tokenizer, added_tokens: added }, config })
    assert.deepEqual([holed.detokenize([]), holed.detokenize([4098])], ['', '<late>'])
    assert.throws(() => holed.detokenize([485, 4097]), { code: 'token_out_of_range', message: /id 4097, which the tokenizer does not have/ })
  })
})

describe('description', () => {
  test('reads tokens given as text or as objects, and returns null for missing ones', async (t) => {
    const { tokenizer, config } = TEXT_TOKENIZERS['sentencepiece-gemma']
    const eos_token = { __type: 'AddedToken', content: '</s>', lstrip: false, normalized: false, rstrip: false, single_word: false }
    const { description } = await load(t, { tokenizer, config: { ...config, eos_token, additional_special_tokens: ['<s>', eos_token] } })
    const { beginToken, endToken, padToken, unknownToken, additionalSpecialTokens } = description
    assert.deepEqual([beginToken, endToken, padToken, unknownToken], ['<s>', '</s>', null, null])
    assert.deepEqual(additionalSpecialTokens, ['<s>', '</s>'])
  })

  test('returns null for a huge model_max_length', async (t) => {
    const { tokenizer, config } = byteLevel()
    const lengthOf = async (model_max_length: unknown): Promise<number | null> =>
      (await load(t, { tokenizer, config: { ...config, model_max_length } })).description.modelMaxLength
    assert.deepEqual([await lengthOf(512), await lengthOf(1e30), await lengthOf(undefined)], [512, null, null])
  })

  test('returns the default chat template, also out of several named ones', async (t) => {
    const named = (name: string): object => ({ name, template: `of ${name}` })
    const { tokenizer, config } = byteLevel()
    const templateOf = async (chat_template: unknown): Promise<string | null> =>
      (await load(t, { tokenizer, config: { ...config, chat_template } })).description.chatTemplate
    assert.deepEqual([await templateOf('one'), await templateOf([named('tool_use'), named('default')])], ['one', 'of default'])
    assert.deepEqual([await templateOf([named('rag')]), await templateOf(undefined)], [null, null])
  })
})
