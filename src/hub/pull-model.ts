import { unlink } from 'node:fs/promises'
import { posix } from 'node:path'
import { ServiceError } from '../errors.ts'
import { COMMIT, type HubReference } from '../model/model-reference.ts'
import { assertRoomFor, cacheFailure, RepositoryCache, sizeOf } from './cache-layout.ts'
import type { HubClient } from './client.ts'
import { downloadBlob, hasListedContent } from './download-blob.ts'
import { listRepository, type RepositoryFile, resolveRevision } from './repository-files.ts'
import { describeSubject } from './response-error.ts'
import { type ChosenGraph, dataFilesOf, genaiGraphFile, graphFileOf, likelyDataFiles, missingFiles, noGraph, smallFilesOf } from './select-files.ts'
import type { HubTiming } from './settings.ts'

/** A model in the cache. */
export interface CachedModel {
  readonly folder: string
  /** The commit. */
  readonly revision: string
}

interface PullOptions {
  /** Whether to hash cached files, and fetch those again whose hash differs from the hub's. */
  readonly checksPresent: boolean
  /** Time limits of the requests before a download. */
  readonly askTiming: HubTiming
}

/**
 * Downloads the files that one dtype of a model needs into the cache, and returns their folder. The branch or tag
 * points to the new commit only once all files are there. Throws as `downloadBlob` does, and `model_invalid` when the
 * repository has no model.
 */
export async function pullModel(reference: HubReference, client: HubClient, options: PullOptions): Promise<CachedModel> {
  const { repository, revision, subfolder } = reference
  const asking = client.withTiming(options.askTiming)
  const commit = COMMIT.test(revision) ? revision : await resolveRevision(asking, repository, revision)
  const pull = new Pull(reference, commit, await listRepository(asking, repository, commit), client, options)
  await pull.run()
  await pull.cache.writeRef(revision, commit)
  return { folder: pull.cache.snapshotPath(commit, subfolder), revision: commit }
}

class Pull {
  readonly cache: RepositoryCache
  readonly #reference: HubReference
  readonly #commit: string
  /** By name relative to the model's folder. */
  readonly #files: ReadonlyMap<string, RepositoryFile>
  readonly #client: HubClient
  readonly #options: PullOptions
  /** Etags of the blobs that are in the cache. */
  readonly #present = new Set<string>()

  constructor(reference: HubReference, commit: string, listing: readonly RepositoryFile[], client: HubClient, options: PullOptions) {
    this.cache = new RepositoryCache(client.settings.cacheFolder, reference.repository)
    this.#reference = reference
    this.#commit = commit
    const start = reference.subfolder === '' ? '' : `${reference.subfolder}/`
    this.#files = new Map(listing.filter(({ path }) => path.startsWith(start)).map((file) => [file.path.slice(start.length), file]))
    this.#client = client
    this.#options = options
  }

  /** Fetches small files first and weights last, so that a snapshot with weights is complete. */
  async run(): Promise<void> {
    const names = [...this.#files.keys()]
    const small = smallFilesOf(names)
    this.#assertNeeded(small)
    const plan = graphFileOf(names, this.#dtype, null) ?? this.#anyGraph(names)
    const likely = [...small, plan.file, ...likelyDataFiles(names, plan.file)]
    await this.#announce(likely, plan.dtype)
    await this.#fetch(small)

    const genaiFile = small.includes('genai_config.json') ? genaiGraphFile(this.#path('genai_config.json')) : null
    if (genaiFile !== null) this.#assertListed('genai_config.json', [genaiFile])
    const graph = graphFileOf(names, this.#dtype, genaiFile)
    if (graph === null) throw noGraph(this.#where, names, this.#dtype)
    await this.#fetch([graph.file])
    const data = dataFilesOf(this.#path(graph.file), graph.file)
    this.#assertListed(graph.file, data)
    const all = [...small, graph.file, ...data]
    if (all.join('\n') !== likely.join('\n')) await this.#announce(all, graph.dtype)
    await this.#fetch(data)
  }

  get #dtype(): string {
    return this.#client.settings.dtype
  }

  /** A graph to plan with before genai_config.json, which names the graph of a genai folder, has been fetched. */
  #anyGraph(names: readonly string[]): ChosenGraph {
    const graph = names.find((name) => posix.dirname(name) === '.' && name.endsWith('.onnx'))
    if (this.#dtype === 'auto' && names.includes('genai_config.json') && graph !== undefined) return { file: graph, dtype: null }
    throw noGraph(this.#where, names, this.#dtype)
  }

  #assertNeeded(small: readonly string[]): void {
    const missing = missingFiles(small)
    if (missing.length === 0) return
    if (this.#files.size === 0) throw new ServiceError('hub_not_found', `${this.#where} has no files; check the folder in the id`)
    const graphs = [...this.#files.keys()].filter((name) => name.endsWith('.onnx'))
    if (graphs.length > 0 && graphFileOf(graphs, this.#dtype, null) === null) throw noGraph(this.#where, graphs, this.#dtype)
    throw new ServiceError('model_invalid', `${this.#where} has no ${missing.join(' and no ')}, which logpr needs: choose a repository that has them`)
  }

  #assertListed(byFile: string, names: readonly string[]): void {
    const missing = names.filter((name) => !this.#files.has(name))
    if (missing.length > 0) throw new ServiceError('model_invalid', `${this.#where}: ${byFile} names ${missing.join(', ')}, which the repository does not have`)
  }

  get #where(): string {
    const { repository, revision, subfolder } = this.#reference
    return describeSubject(this.#client.subject(subfolder === '' ? repository : `${repository}/${subfolder}`, revision, null))
  }

  #path(name: string): string {
    return this.cache.snapshotPath(this.#commit, posix.join(this.#reference.subfolder, name))
  }

  #listed(names: readonly string[]): RepositoryFile[] {
    return names.flatMap((name) => this.#files.get(name) ?? [])
  }

  async #announce(names: readonly string[], dtype: string | null): Promise<void> {
    const files = this.#listed(names)
    for (const file of files) if (!this.#present.has(file.etag) && (await this.#isPresent(file))) this.#present.add(file.etag)
    // Files with the same content are fetched once.
    const sizes = [...new Map(files.map(({ etag, sizeBytes }) => [etag, sizeBytes]))]
    const totalBytes = sizes.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0)
    const presentBytes = sizes.reduce((sum, [etag, sizeBytes]) => (this.#present.has(etag) ? sum + sizeBytes : sum), 0)
    const { repository, revision } = this.#reference
    this.#client.onEvent({
      kind: 'plan',
      repository,
      revision,
      commit: this.#commit,
      // In genai folders the name model.onnx does not tell the dtype.
      dtype: dtype === null || this.#files.has('genai_config.json') ? 'as in the graph' : dtype,
      files: files.length,
      totalBytes,
      presentBytes
    })
    await assertRoomFor(totalBytes - presentBytes, this.cache.cacheFolder)
  }

  async #isPresent(file: RepositoryFile): Promise<boolean> {
    const path = this.cache.blobPath(file.etag)
    if ((await sizeOf(path)) !== file.sizeBytes) return false
    if (!this.#options.checksPresent || (await hasListedContent(path, file))) return true
    // Processes that have the file open keep it; others must not find wrong content under this name.
    await unlink(path).catch((error: unknown) => {
      throw cacheFailure(error, path)
    })
    return false
  }

  async #fetch(names: readonly string[]): Promise<void> {
    const { repository } = this.#reference
    for (const file of this.#listed(names)) {
      const wasPresent = this.#present.has(file.etag)
      if (!wasPresent) await downloadBlob({ ...file, repository, commit: this.#commit }, this.cache, this.#client)
      this.#present.add(file.etag)
      await this.cache.link(this.#commit, file.path, file.etag)
      this.#client.onEvent({ kind: 'file', path: file.path, sizeBytes: file.sizeBytes, wasPresent })
    }
  }
}
