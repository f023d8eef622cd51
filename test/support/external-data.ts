import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { loadModel } from '../../src/engine/process/session.ts'
import { FLOAT } from '../../src/model/onnx/data-types.ts'
import type { Initializer } from '../../src/model/onnx/graph.ts'
import { writeBytes, writeInteger } from '../../src/model/onnx/wire.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { tinyModel } from './onnx-model.ts'
import { present } from './present.ts'
import { tempFolder } from './temp-folder.ts'

const [V, H] = [64, 8]
const MODEL = tinyModel(V, H)
const IDS = Int32Array.of(1, 5, 9, 63, 0, 17)
const BYTES = V * H * 4

/** A tensor with its elements in another file, at the place that the given entries (location, offset, length) name. */
export function externalTensor(name: string, dims: readonly (number | bigint)[], dataType: number, entries: Readonly<Record<string, string>>): Initializer {
  const value = Buffer.concat([
    ...dims.map((dim) => writeInteger(1, dim)),
    writeInteger(2, dataType),
    writeBytes(8, name),
    ...Object.entries(entries).map(([key, entry]) => writeBytes(13, [writeBytes(1, key), writeBytes(2, entry)])),
    writeInteger(14, 1)
  ])
  return { name, dims: dims.map(Number), dataType, location: entries.location ?? null, value }
}

/** Entries of the weight `head` that replace the correct ones. */
export type HeadEntries = Readonly<Record<string, string | undefined>>

/**
 * A model of 64 tokens with its embedding in model.onnx_data, at offset 16, and its head in model.onnx_data_1. `prefix`
 * is put before each file name.
 */
export function externalModelFiles(head: HeadEntries = {}, prefix = ''): Record<string, Uint8Array> {
  const said = Object.entries({ location: 'model.onnx_data_1', offset: '0', length: String(BYTES), ...head })
  const entries = Object.fromEntries(said.filter((entry): entry is [string, string] => entry[1] !== undefined))
  const initializers = [
    externalTensor('embedding', [V, H], FLOAT, { location: 'model.onnx_data', offset: '16', length: String(BYTES) }),
    externalTensor('head', [H, V], FLOAT, entries)
  ]
  return {
    [`${prefix}model.onnx`]: writeOnnx({ ...MODEL.graph, initializers }),
    [`${prefix}model.onnx_data`]: Buffer.concat([Buffer.alloc(16), bytesOf(MODEL.embedding)]),
    [`${prefix}model.onnx_data_1`]: bytesOf(MODEL.head)
  }
}

/** The same model in one file. */
export function inlineModelFile(): Uint8Array {
  return writeOnnx(MODEL.graph)
}

/** Log-probabilities that the engine gives the tokens of one text with a model file. */
export async function logProbsOf(onnxPath: string, modelFolder = dirname(onnxPath), realPaths: Readonly<Record<string, string>> = {}): Promise<number[]> {
  const model = await loadModel({
    onnxPath,
    modelFolder,
    realPaths,
    executionProvider: 'cpu',
    threads: 1,
    vocabSize: V,
    headSize: 1,
    ceilingNats: 1e-3,
    approximateCeilingNats: 0.5,
    claimsFloat32: true,
    expectedFiles: {}
  })
  const { rows } = await model.score({ sequences: [{ ids: IDS, firstScored: 1 }], topCount: null })
  await model.release()
  return [...present(rows[0]?.logProbs)]
}

/**
 * Writes a snapshot as huggingface_hub does in its cache: relative links to blobs named by a hash. The blobs are in one
 * folder (`flat`), in folders by their first two digits (`sharded`), or are links to a store that repositories share
 * (`shared`). Returns the path of the snapshot.
 */
export function cacheSnapshot(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>, layout: 'flat' | 'sharded' | 'shared'): string {
  const hub = join(tempFolder(t), 'hub')
  const repository = join(hub, 'models--org--tiny')
  const snapshot = join(repository, 'snapshots', 'e7da7f221d5bf496a48136c0cd264e630fe9fcc8')
  for (const [i, [name, content]] of Object.entries(files).entries()) {
    const hash = `${i}b`.repeat(20)
    const blob = layout === 'sharded' ? join(repository, 'blobs', hash.slice(0, 2), hash) : join(repository, 'blobs', hash)
    const stored = layout === 'shared' ? join(hub, 'blobs', hash.slice(0, 2), hash) : blob
    const link = join(snapshot, name)
    for (const path of [blob, stored, link]) mkdirSync(dirname(path), { recursive: true })
    writeFileSync(stored, content)
    if (stored !== blob) symlinkSync(relative(dirname(blob), stored), blob)
    symlinkSync(relative(dirname(link), blob), link)
  }
  return snapshot
}

/** Code and message of the error that a call throws. */
export function refusalOf(call: () => unknown): { readonly code: string; readonly message: string } {
  try {
    call()
  } catch (error) {
    return { code: (error as { code: string }).code, message: (error as Error).message }
  }
  throw new Error(`${basename(import.meta.url)}: the call did not throw`)
}

function bytesOf(floats: Float32Array): Uint8Array {
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
}
