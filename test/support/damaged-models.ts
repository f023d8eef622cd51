/**
 * Loads a damaged copy of a model per message and replies with the outcome. It runs in its own process, so that the
 * test notices a crash of native code. Each copy overwrites the previous one.
 */
import { writeFileSync } from 'node:fs'
import { runSelfTest } from '../../src/engine/process/self-test/self-test.ts'
import { loadModel } from '../../src/engine/process/session.ts'
import type { EngineSpec, KnownAnswer, SelfTestTexts } from '../../src/engine/protocol.ts'
import { serviceErrorFrom } from '../../src/errors.ts'
import { present } from './present.ts'

export interface DamagedModel {
  readonly bytes: Uint8Array
  readonly spec: EngineSpec
  readonly texts: SelfTestTexts
  readonly known: readonly KnownAnswer[]
}

export interface Outcome {
  /** Null when the model became ready. */
  readonly code: string | null
  readonly message: string
  /** Of the model's natural text. */
  readonly logProbs: readonly number[]
}

async function outcomeOf({ bytes, spec, texts, known }: DamagedModel): Promise<Outcome> {
  try {
    writeFileSync(spec.onnxPath, bytes)
    const model = await loadModel(spec)
    try {
      const { answers } = await runSelfTest(model, spec, { texts, known, isApproximate: model.isApproximate })
      return { code: null, message: '', logProbs: present(answers.find(({ ids }) => ids.join() === texts.natural.join())?.logProbs) }
    } finally {
      await model.release()
    }
  } catch (error) {
    const { code, message, cause } = serviceErrorFrom(error)
    return { code, message: code === 'internal_error' ? String(cause) : message, logProbs: [] }
  }
}

process.on('message', (damaged: DamagedModel) => void outcomeOf(damaged).then((outcome) => process.send?.(outcome)))
