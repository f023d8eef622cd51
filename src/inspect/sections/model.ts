import { mebibytes } from '../../memory/mebibytes.ts'
import { readKnownAnswers } from '../../model/known-answers.ts'
import type { OpenModel } from '../../model/open-model.ts'
import type { InspectedModel, Section } from '../section.ts'

/** What the folder says of its model, and what its graph turned out to be. */
export function modelSection({ folder }: InspectedModel): Section {
  const { id, architecture, dtype, dtypeChoice, layout, numerics, onnxPath, files, maxModelLen, maxModelLenSource } = folder
  const [onnxFile, ...dataFiles] = files
  const hasKnownAnswer = readKnownAnswers(folder.folder, dtype, 'cpu') !== null
  return {
    name: 'model',
    json: {
      id,
      architecture,
      dtype,
      dtype_choice: dtypeChoice,
      layout,
      numerics,
      file: onnxPath,
      file_bytes: onnxFile?.sizeBytes ?? 0,
      data_files: dataFiles.map(({ file, sizeBytes }) => ({ file, size_bytes: sizeBytes })),
      max_model_len: maxModelLen,
      max_model_len_source: maxModelLenSource,
      vocab_size: folder.vocabSize,
      stated_vocab_size: folder.statedVocabSize,
      has_known_answer: hasKnownAnswer
    },
    lines: [
      ['model', `${id} (${architecture}, ${dtype})`],
      ['chosen by', dtypeChoice],
      ['layout', layout],
      ['file', `${onnxPath}, ${mebibytes(onnxFile?.sizeBytes ?? 0)}`],
      ...dataFiles.map(({ file, sizeBytes }) => ['', `${file}, ${mebibytes(sizeBytes)}`] as const),
      ['numerics', `weights ${numerics.weights}, activations ${numerics.activations}, logits ${numerics.logits}`],
      ['context', `${maxModelLen} tokens (${maxModelLenSource})`],
      ['vocabulary', vocabularyText(folder)],
      ['known answer', hasKnownAnswer ? 'canary.json' : 'none: the first start is compared with later ones']
    ]
  }
}

function vocabularyText({ vocabSize, statedVocabSize }: Pick<OpenModel, 'vocabSize' | 'statedVocabSize'>): string {
  return vocabSize === statedVocabSize ? String(vocabSize) : `${vocabSize}, where the configuration says ${statedVocabSize ?? 'nothing'}`
}
