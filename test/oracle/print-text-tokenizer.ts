/**
 * Writes what POST /tokenize and POST /detokenize return for the adversarial texts and for random ids, for
 * check_text_tokenizer.py and check_transformers.py: `node print-text-tokenizer.js OUT [MODEL_FOLDER ...]`.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import type { ChatMessage } from '../../src/tokenizer/tokenizer.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'
import { chatOf } from '../support/conversation.ts'
import { CLASS_TOKENIZERS, FLAGGED_TOKENIZERS, folderFiles, TEXT_TOKENIZERS } from '../support/tokenizers.ts'

const RANDOM_SEQUENCES = 200
const RANDOM_LENGTH = 12
/** Texts in which added tokens meet white space and words. */
const FRAGMENTS = [
  '<|user|>',
  '<|end|>',
  '<|both|>',
  'qin',
  'qhel',
  'qwor',
  'q',
  'hello',
  'world',
  ' ',
  '\n',
  '   ',
  '\ufeff',
  '\u0085',
  '\u001c',
  '▁▁▁',
  'é',
  '_',
  'a'
]
const FRAGMENT_TEXTS = Array.from({ length: 400 }, (_, seed) =>
  randomIndices(1 + (seed % 9), FRAGMENTS.length, seed + 1)
    .map((i) => FRAGMENTS[i])
    .join('')
)

const [out = '', ...models] = process.argv.slice(2)
const folders = models.map((folder) => {
  const target = join(resolve(out), basename(folder))
  mkdirSync(target, { recursive: true })
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(join(folder, file), join(target, file))
  return target
})
for (const [name, files] of Object.entries({ ...TEXT_TOKENIZERS, ...FLAGGED_TOKENIZERS, ...CLASS_TOKENIZERS })) {
  const target = join(resolve(out), name)
  mkdirSync(target, { recursive: true })
  for (const [file, content] of Object.entries(folderFiles(files))) writeFileSync(join(target, file), content)
  folders.push(target)
}

for (const folder of folders) {
  const tokenizer = await loadHuggingFaceTokenizer(folder)
  const texts = [...ADVERSARIAL_TEXTS, ...FRAGMENT_TEXTS.map((text, i) => ({ name: `fragments ${i}`, text }))]
  const encoded = texts.flatMap(({ name, text }) =>
    [false, true].map((addSpecialTokens) => ({ name, text, add_special_tokens: addSpecialTokens, ids: tokenizer.tokenize({ text, addSpecialTokens }).ids }))
  )
  // A conversation gives the ids of its rendering: the messages spell no control token.
  const chats = Object.keys(FLAGGED_TOKENIZERS).includes(basename(folder)) ? FRAGMENT_TEXTS.map((content) => content.replaceAll(/<\|\w+\|>/g, '')) : []
  const messagesOf = (content: string): readonly ChatMessage[] => [
    { role: 'user', content },
    { role: 'assistant', content: ` \n${content}` }
  ]
  for (const [i, content] of chats.entries()) {
    const messages = messagesOf(content)
    const text = `<|user|>\n${messages[0]?.content}<|end|>\n<|both|> ${messages[1]?.content}<|end|>\n<|both|>\n\n`
    encoded.push({
      name: `conversation ${i}`,
      text,
      add_special_tokens: false,
      ids: tokenizer.tokenize({ conversation: chatOf(messages, { addGenerationPrompt: true }) }).ids
    })
  }
  const sequences = [...encoded.map(({ ids }) => ids), ...randomSequences(tokenizer.description.vocabSize)]
  const decoded = sequences.map((ids) => ({ ids, text: tokenizer.detokenize([...ids]) }))
  const begin = tokenizer.info.beginId
  const notes = tokenizer.description.transformersNotes
  writeFileSync(join(folder, 'text-tokenizer.json'), JSON.stringify({ begin, encoded, decoded, notes }))
}

/** A linear congruential generator: the same numbers in every run. */
function randomIndices(length: number, below: number, seed: number): number[] {
  let state = seed
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  })
}

/** Random numbers that are the same in every run (linear congruential generator). */
function randomSequences(vocabSize: number): number[][] {
  let state = 1
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * vocabSize)
  }
  return Array.from({ length: RANDOM_SEQUENCES }, () => Array.from({ length: RANDOM_LENGTH }, next))
}
