import { statSync } from 'node:fs'
import { readKnownAnswers } from '../../model/known-answers.ts'
import { mebibytes } from '../mebibytes.ts'
import type { InspectedModel, Section } from '../section.ts'

/** What the folder says of its model. */
export function modelSection({ folder }: InspectedModel): Section {
  const json = {
    id: folder.id,
    architecture: folder.architecture,
    dtype: folder.dtype,
    file: folder.onnxPath,
    file_bytes: statSync(folder.onnxPath).size,
    max_model_len: folder.maxModelLen,
    vocab_size: folder.vocabSize,
    has_known_answer: readKnownAnswers(folder.folder, folder.dtype, 'cpu') !== null
  }
  return {
    name: 'model',
    json,
    lines: [
      ['model', `${json.id} (${json.architecture}, ${json.dtype})`],
      ['file', `${json.file}, ${mebibytes(json.file_bytes)}`],
      ['context', `${json.max_model_len} tokens, vocabulary ${json.vocab_size}`],
      ['known answer', json.has_known_answer ? 'canary.json' : 'none: the first start is compared with later ones']
    ]
  }
}
