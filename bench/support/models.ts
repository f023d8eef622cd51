import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import { openModelFolder } from '../../src/model/folder/model-folder.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

export const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** The engine's specification for a model folder, on all cores. */
export function specOf(path: string): EngineSpec {
  const { onnxPath, vocabSize, headSize } = openModelFolder(path)
  return {
    onnxPath,
    executionProvider: 'cpu',
    threads: availableParallelism(),
    vocabSize,
    headSize,
    ceilingNats: 1e-3,
    approximateCeilingNats: 0.5,
    claimsFloat32: true,
    expectedFiles: {}
  }
}

export function modelName(path: string): string {
  return basename(path)
}
