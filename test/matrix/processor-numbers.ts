/**
 * Writes the log-probabilities computed on this processor, for comparison with another one:
 *
 *     node dist/test/matrix/processor-numbers.js MODELS NUMBERS.json [OTHER.json]
 *
 * MODELS is a folder of models with oracles, such as test/data/models. Scores every model and the embedded one, which
 * also with both forms of 8-bit weights, with bare onnxruntime and with logpr's engine. With OTHER it prints the
 * differences between the two files. docs/reference/numerics-across-processors.md explains how to emulate another
 * processor.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from '../../src/engine/process/session.ts'
import { type OpenModel, openModel } from '../../src/model/open-model.ts'
import type { EightBitForm } from '../../src/model/precision/eight-bit-form.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { bareLogProbs } from './bare-onnxruntime.ts'
import { foldersWithOracle, type LogProbs, readOracle } from './oracle.ts'
import { largestDifference } from './tolerance.ts'

type Numbers = Record<string, LogProbs>

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

async function engineLogProbs(model: OpenModel, texts: LogProbs, form: EightBitForm | null): Promise<LogProbs> {
  const { onnxPath, folder: modelFolder, vocabSize, headSize, keyValueHeads } = model
  const cache = mkdtempSync(join(tmpdir(), 'logpr-numbers-'))
  const loaded = await loadModel({
    ...{ onnxPath, modelFolder, vocabSize, headSize, keyValueHeads, executionProvider: 'cpu', threads: 1 },
    ...{ ceilingNats: 0.1, approximateCeilingNats: 0.5, claimsFloat32: false, expectedFiles: {} },
    ...(form === null ? {} : { precision: { form, folder: cache } })
  })
  try {
    const found: number[][] = []
    for (const ids of texts) {
      const { rows } = await loaded.score({ sequences: [{ ids: Int32Array.from(ids), firstScored: 1 }], topCount: null })
      found.push([...rows[0]!.logProbs])
    }
    return found
  } finally {
    await loaded.release()
    rmSync(cache, { recursive: true, force: true })
  }
}

async function numbersOfAll(models: string): Promise<Numbers> {
  const numbers: Numbers = {}
  for (const folder of foldersWithOracle(models)) {
    const { name, refused, texts, files } = readOracle(folder)
    if (refused !== null) continue
    for (const { dtype, onnxruntime } of files) {
      const model = openModel(folder, files.length > 1 ? { dtype } : {})
      if (onnxruntime !== undefined) numbers[`${name} ${dtype}, stored`] = onnxruntime
      numbers[`${name} ${dtype}, bare`] = await bareLogProbs(model.onnxPath, texts, model.headSize)
      numbers[`${name} ${dtype}, logpr`] = await engineLogProbs(model, texts, null)
    }
  }
  const { known_answers: known } = JSON.parse(readFileSync(join(EMBEDDED, 'canary.json'), 'utf8')) as {
    known_answers: { texts: { ids: number[]; log_probs: number[] }[] }[]
  }
  const texts = known[0]!.texts.map(({ ids }) => ids)
  numbers['embedded, stored'] = known[0]!.texts.map(({ log_probs: logProbs }) => logProbs)
  const embedded = openModel(EMBEDDED)
  numbers['embedded, bare'] = await bareLogProbs(embedded.onnxPath, texts, embedded.headSize)
  for (const form of [null, 'blocks', 'rows'] as const)
    numbers[form === null ? 'embedded, logpr' : `embedded int8 ${form}, logpr`] = await engineLogProbs(embedded, texts, form)
  return numbers
}

const [models = '', path = '', other = ''] = process.argv.slice(2)
if (!existsSync(path)) writeFileSync(path, JSON.stringify({ processor: cpus()[0]?.model, numbers: await numbersOfAll(models) }))
const read = (file: string): Numbers => (JSON.parse(readFileSync(file, 'utf8')) as { numbers: Numbers }).numbers
const [here, there] = [read(path), read(other === '' ? path : other)]
for (const [name, numbers] of Object.entries(here)) {
  const stored = here[name.replace(/, \w+$/, ', stored')]
  const bare = here[name.replace(/, \w+$/, ', bare')]
  const apart = (reference: LogProbs | undefined): string => (reference === undefined ? '' : largestDifference(numbers, reference).toExponential(1))
  const equal = JSON.stringify(numbers) === JSON.stringify(there[name]) ? ' (every bit)' : ''
  process.stdout.write(`${name}: to stored ${apart(stored)}, to bare ${apart(bare)}, to the other processor ${apart(there[name])}${equal}\n`)
}
