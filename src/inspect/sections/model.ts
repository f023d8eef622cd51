import { readKnownAnswers } from '../../model/known-answers.ts'
import { choiceOf } from '../../model/open-model.ts'
import { mebibytes } from '../mebibytes.ts'
import type { InspectedModel, Section } from '../section.ts'

/** What the folder says of its model. */
export function modelSection({ folder }: InspectedModel): Section {
  const json = {
    id: folder.id,
    architecture: folder.architecture,
    ...choiceOf(folder),
    file: folder.onnxPath,
    file_bytes: folder.files[0]?.sizeBytes ?? 0,
    data_files: folder.files.slice(1).map(({ file, sizeBytes }) => ({ file, size_bytes: sizeBytes })),
    has_known_answer: readKnownAnswers(folder.folder, folder.dtype, 'cpu') !== null
  }
  return {
    name: 'model',
    json,
    lines: [
      ['model', `${json.id} (${json.architecture}, ${json.dtype})`],
      ['chosen by', json.dtype_choice],
      ['layout', json.layout],
      ['file', `${json.file}, ${mebibytes(json.file_bytes)}`],
      ...json.data_files.map(({ file, size_bytes }) => ['', `${file}, ${mebibytes(size_bytes)}`] as const),
      ['numerics', `weights ${json.numerics.weights}, activations ${json.numerics.activations}, logits ${json.numerics.logits}`],
      ['context', `${json.max_model_len} tokens (${json.max_model_len_source})`],
      ['vocabulary', vocabularyText(json)],
      ['known answer', json.has_known_answer ? 'canary.json' : 'none: the first start is compared with later ones']
    ]
  }
}

function vocabularyText({ vocab_size: width, stated_vocab_size: stated }: { readonly vocab_size: number; readonly stated_vocab_size: number | null }): string {
  return width === stated ? String(width) : `${width}, where the configuration says ${stated ?? 'nothing'}`
}
