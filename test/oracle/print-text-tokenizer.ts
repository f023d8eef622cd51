/**
 * Writes what POST /tokenize and POST /detokenize return for the adversarial texts and for random ids, for
 * check_text_tokenizer.py: `node print-text-tokenizer.js OUT [MODEL_FOLDER ...]`.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'
import { folderFiles, TEXT_TOKENIZERS } from '../support/tokenizers.ts'

const RANDOM_SEQUENCES = 200
const RANDOM_LENGTH = 12

const [out = '', ...models] = process.argv.slice(2)
const folders = models.map((folder) => {
  const target = join(resolve(out), basename(folder))
  mkdirSync(target, { recursive: true })
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(join(folder, file), join(target, file))
  return target
})
for (const [name, files] of Object.entries(TEXT_TOKENIZERS)) {
  const target = join(resolve(out), name)
  mkdirSync(target, { recursive: true })
  for (const [file, content] of Object.entries(folderFiles(files))) writeFileSync(join(target, file), content)
  folders.push(target)
}

for (const folder of folders) {
  const tokenizer = await loadHuggingFaceTokenizer(folder)
  const encoded = ADVERSARIAL_TEXTS.flatMap(({ name, text }) =>
    [false, true].map((addSpecialTokens) => ({ name, text, add_special_tokens: addSpecialTokens, ids: tokenizer.tokenize({ text, addSpecialTokens }) }))
  )
  const sequences = [...encoded.map(({ ids }) => ids), ...randomSequences(tokenizer.description.vocabSize)]
  const decoded = sequences.map((ids) => ({ ids, text: tokenizer.detokenize(ids) }))
  const begin = tokenizer.info.beginId
  writeFileSync(join(folder, 'text-tokenizer.json'), JSON.stringify({ begin, encoded, decoded }))
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
