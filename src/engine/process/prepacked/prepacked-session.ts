import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withUniqueInitializers } from '../../../model/onnx/unique-initializers.ts'
import { InferenceSession } from '../onnxruntime.ts'

const GRAPH_FILE = 'graph.onnx'
const WEIGHTS_FILE = 'weights.bin'
const VERDICT_FILE = 'verdict.json'

type Options = InferenceSession.SessionOptions
/** Returns a hash of a session's outputs for fixed passes. */
export type Probe = (session: InferenceSession) => Promise<string>

/**
 * Result of an attempt to prepack: the probe of a session on the model's own weights, or why prepacked ones cannot be
 * used.
 */
type Verdict = { readonly probeSha256: string } | { readonly reason: string }

/** A session on prepacked weights and the files that it maps, or why there is none. */
export type PrepackedSession = { readonly session: InferenceSession; readonly paths: readonly string[] } | { readonly reason: string }

/** The verdict of an earlier attempt in `folder`; null when there was none. */
export function readVerdict(folder: string): Verdict | null {
  try {
    return JSON.parse(readFileSync(join(folder, VERDICT_FILE), 'utf8')) as Verdict
  } catch {
    return null
  }
}

/** Opens prepacked weights. They are used only when the probe equals that of the model's own weights, bit for bit. */
export async function openPrepacked(folder: string, verdict: Verdict, options: Options, probe: Probe): Promise<PrepackedSession> {
  if ('reason' in verdict) return verdict
  try {
    const session = await createFrom(folder, options)
    if ((await probe(session)) === verdict.probeSha256) return { session, paths: [GRAPH_FILE, WEIGHTS_FILE].map((file) => join(folder, file)) }
    await session.release()
    return { reason: `the prepacked weights in ${folder} give different scores than the model; remove that folder` }
  } catch (error) {
    return { reason: `the prepacked weights in ${folder} cannot be loaded (${messageOf(error)}); remove that folder` }
  }
}

/**
 * Lets onnxruntime prepack the weights of `graph` and writes them to `folder`, which appears only once it is complete.
 * Its verdict says whether a session on them has the same probe as one on the model's own weights; if not, the weights
 * are deleted.
 */
export async function prepack(folder: string, graph: Uint8Array, options: Options, probe: Probe): Promise<void> {
  const part = `${folder}.${process.pid}.part`
  mkdirSync(part, { recursive: true })
  try {
    const verdict = await writeTo(part, graph, options, probe)
    if ('reason' in verdict) for (const file of [GRAPH_FILE, WEIGHTS_FILE]) rmSync(join(part, file), { force: true })
    writeFileSync(join(part, VERDICT_FILE), JSON.stringify(verdict))
    renameSync(part, folder)
  } catch (error) {
    // Another engine process may have written the folder first.
    if (readVerdict(folder) === null) throw error
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

async function writeTo(part: string, graph: Uint8Array, options: Options, probe: Probe): Promise<Verdict> {
  try {
    const own = await InferenceSession.create(graph, savingTo(part, options))
    const probeSha256 = await probe(own)
    await own.release()
    const graphPath = join(part, GRAPH_FILE)
    writeFileSync(graphPath, withUniqueInitializers(readFileSync(graphPath)))
    const prepacked = await createFrom(part, options)
    const found = await probe(prepacked)
    await prepacked.release()
    return found === probeSha256 ? { probeSha256 } : { reason: 'prepacked weights of this model give different scores than the model' }
  } catch (error) {
    return { reason: `onnxruntime cannot prepack the weights of this model: ${messageOf(error)}` }
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

function createFrom(folder: string, options: Options): Promise<InferenceSession> {
  const session = { ...(options.extra?.session as object), model_external_initializers_file_folder_path: folder }
  // The graph was optimized when it was written; a second optimization changes the scores of float16 models.
  return InferenceSession.create(join(folder, GRAPH_FILE), { ...options, graphOptimizationLevel: 'disabled', extra: { ...options.extra, session } })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : String(error)
}
