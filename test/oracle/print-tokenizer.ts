/**
 * Writes the tokens of the adversarial texts, for check_tokenizer.py: `node print-tokenizer.js OUT`. Each
 * tokenizer gets a folder OUT/NAME with its tokenizer.json and texts.json.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { encodeItems } from '../../src/encoding/encode-items.ts'
import { ServiceError } from '../../src/errors.ts'
import { tokenDetails } from '../../src/evaluation/token-details.ts'
import { startTokenizer } from '../../src/tokenizer/threads/thread-tokenizer.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'
import { itemOf, optionsOf } from '../support/logprob-items.ts'
import { present } from '../support/present.ts'
import { sequenceOf } from '../support/scored-sequence.ts'
import { BERT, byteLevel, byteLevelSplitLikeLlama3, byteLevelWithOddMerges, folderFiles, LOWER_CASE, sentencePiece, unigram } from '../support/tokenizers.ts'

const TOKENIZERS = {
  embedded: byteLevel(),
  'byte-level-odd-merges': byteLevelWithOddMerges(),
  'byte-level-llama-3': byteLevelSplitLikeLlama3(),
  'byte-level-lower-case': byteLevel({ normalizer: LOWER_CASE }),
  'byte-level-bert': byteLevel({ normalizer: BERT }),
  'sentencepiece-llama-2': sentencePiece('normalizer'),
  'sentencepiece-mistral': sentencePiece('metaspace'),
  'sentencepiece-gemma': sentencePiece('none'),
  unigram: unigram()
}

async function encodedTexts(tokenizer: Tokenizer, parseSpecialTokens: boolean): Promise<object[]> {
  const context = { tokenizer, vocabSize: tokenizer.info.vocabSize, maxModelLen: 100_000, prefixTokenId: null, toleranceNats: 0, claimsFloat32: true }
  const items = ADVERSARIAL_TEXTS.map(({ text }, index) => itemOf(text, [present(tokenizer.info.endId)], index))
  const encoded = await encodeItems(items, optionsOf({ parseSpecialTokens }), context)
  return encoded.flatMap((item, i) => {
    if (item instanceof ServiceError) {
      if (item.code === 'no_prefix_token') return []
      throw item
    }
    const blank = sequenceOf(
      item.sizes,
      Array.from(item.ids, () => null)
    )
    const tokens = [...tokenDetails({ ...blank, ids: item.ids }, item, null, 0, tokenizer)].filter(({ part }) => part === 'x')
    return [{ ...ADVERSARIAL_TEXTS[i], parse_special_tokens: parseSpecialTokens, tokens }]
  })
}

const out = resolve(process.argv[2] ?? '')
for (const [name, files] of Object.entries(TOKENIZERS)) {
  const folder = join(out, name)
  mkdirSync(folder, { recursive: true })
  for (const [file, content] of Object.entries(folderFiles(files))) writeFileSync(join(folder, file), content)
  const tokenizer = await startTokenizer(folder, () => undefined)
  const texts = [...(await encodedTexts(tokenizer, false)), ...(await encodedTexts(tokenizer, true))]
  writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts))
  await tokenizer.close()
}
