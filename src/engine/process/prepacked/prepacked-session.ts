import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, type Tensor } from 'onnxruntime-node'
import { withUniqueInitializers } from '../../../model/onnx/unique-initializers.ts'
import type { Batch } from '../../engine.ts'

const GRAPH_FILE = 'graph.onnx'
const WEIGHTS_FILE = 'weights.bin'
const VERDICT_FILE = 'verdict.json'

type Options = InferenceSession.SessionOptions
type Probe = (session: InferenceSession) => Promise<string>

/** What is known of weights that were prepared: what the plain session answered to the probe, or why they cannot be used. */
type Verdict = { readonly probeSha256: string } | { readonly reason: string }

/** A session on the prepared weights, and the files that it maps; or why there is none. */
export type Prepacked = { readonly session: InferenceSession; readonly paths: readonly string[] } | { readonly reason: string }

/** Of weights in `place` that were prepared before; null when there are none. */
export function verdictIn(place: string): Verdict | null {
  try {
    return JSON.parse(readFileSync(join(place, VERDICT_FILE), 'utf8')) as Verdict
  } catch {
    return null
  }
}

/** Opens weights that were prepared before. They are used only while every bit of the probe is that of the plain session. */
export async function openPrepacked(place: string, verdict: Verdict, options: Options, probe: Probe): Promise<Prepacked> {
  if ('reason' in verdict) return verdict
  try {
    const session = await createFrom(place, options)
    if ((await probe(session)) === verdict.probeSha256) return { session, paths: [GRAPH_FILE, WEIGHTS_FILE].map((file) => join(place, file)) }
    await session.release()
    return { reason: `the prepared weights in ${place} give other numbers than those of the model; remove that folder` }
  } catch (error) {
    return { reason: `the prepared weights in ${place} cannot be loaded (${messageOf(error)}); remove that folder` }
  }
}

/**
 * Prepares the weights of `graph` and writes them to `place`, a folder that appears only when it is complete, with the verdict
 * on whether a session on them answers as the plain one, bit for bit; where it does not, no weights are kept.
 */
export async function prepack(place: string, graph: Uint8Array, options: Options, probe: Probe): Promise<void> {
  const part = `${place}.${process.pid}.part`
  mkdirSync(part, { recursive: true })
  try {
    const verdict = await writeTo(part, graph, options, probe)
    if ('reason' in verdict) for (const file of [GRAPH_FILE, WEIGHTS_FILE]) rmSync(join(part, file), { force: true })
    writeFileSync(join(part, VERDICT_FILE), JSON.stringify(verdict))
    renameSync(part, place)
  } catch (error) {
    // Somebody else may have been faster.
    if (verdictIn(place) === null) throw error
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

async function writeTo(part: string, graph: Uint8Array, options: Options, probe: Probe): Promise<Verdict> {
  try {
    const plain = await InferenceSession.create(graph, savingTo(part, options))
    const probeSha256 = await probe(plain)
    await plain.release()
    const graphPath = join(part, GRAPH_FILE)
    writeFileSync(graphPath, withUniqueInitializers(readFileSync(graphPath)))
    const prepared = await createFrom(part, options)
    const found = await probe(prepared)
    await prepared.release()
    return found === probeSha256 ? { probeSha256 } : { reason: 'prepared weights of this model give other numbers than the model itself' }
  } catch (error) {
    return { reason: `onnxruntime cannot prepare this model: ${messageOf(error)}` }
  }
}

function savingTo(part: string, options: Options): Options {
  const session = {
    ...(options.extra?.session as object),
    optimized_model_external_initializers_file_name: WEIGHTS_FILE,
    optimized_model_external_initializers_min_size_in_bytes: '1024',
    save_external_prepacked_constant_initializers: '1'
  }
  return { ...options, optimizedModelFilePath: join(part, GRAPH_FILE), extra: { ...options.extra, session } }
}

function createFrom(place: string, options: Options): Promise<InferenceSession> {
  const session = { ...(options.extra?.session as object), model_external_initializers_file_folder_path: place }
  // It was optimised when it was written; doing that once more changes the numbers of float16 models.
  return InferenceSession.create(join(place, GRAPH_FILE), { ...options, graphOptimizationLevel: 'disabled', extra: { ...options.extra, session } })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : String(error)
}

/** Sequences x tokens: one row and several, and more rows than the blocks of the matrix kernels. */
const SHAPES = [
  [1, 2],
  [1, 6],
  [3, 17],
  [1, 40],
  [2, 60]
] as const

/** What the scoring graph is fed with for a plain batch. */
export type FeedsOf = (batch: Batch) => Readonly<Record<string, Tensor>>

interface ProbeParts {
  readonly feedsOf: FeedsOf
  readonly vocabSize: number
  readonly maxModelLen: number
}

/** SHA-256 over all outputs of a few passes: equal for two sessions only when every bit is. */
export async function probeSha256(session: InferenceSession, { feedsOf, vocabSize, maxModelLen }: ProbeParts): Promise<string> {
  const hash = createHash('sha256')
  for (const [sequences, tokens] of SHAPES) {
    const feeds = feedsOf(probeBatch(sequences, Math.max(2, Math.min(tokens, maxModelLen)), vocabSize))
    const outputs = await session.run(feeds)
    for (const [name, tensor] of Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(`${name} ${tensor.dims.join(' ')}`).update(bytesOf(tensor))
  }
  return hash.digest('hex')
}

/** Ids from the whole vocabulary. */
function probeBatch(sequences: number, tokens: number, vocabSize: number): Batch {
  const ids = (b: number): Int32Array => Int32Array.from({ length: tokens }, (_, i) => (b * 104_729 + i * 7919 + tokens * 31) % vocabSize)
  return { sequences: Array.from({ length: sequences }, (_, b) => ({ ids: ids(b), firstScored: 1 })), topCount: sequences > 1 ? 3 : null }
}

function bytesOf({ data }: Tensor): Uint8Array {
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data.join('\n'))
}
