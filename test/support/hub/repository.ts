import { createHash } from 'node:crypto'

/** A file of a commit, as the hub describes it. */
export interface HubFile {
  readonly path: string
  readonly content: Uint8Array
  /** Git's SHA-1 of what git stores: the content, or the pointer of an LFS file. */
  readonly oid: string
  /** SHA-256 of a file stored outside git; null for a file in git. */
  readonly sha256: string | null
}

export interface HubRepository {
  readonly id: string
  /**
   * `gated` answers 403 until the owner of `token` has accepted; `private` answers as if it did not exist without
   * `token`.
   */
  readonly access: 'open' | 'gated' | 'private'
  readonly token: string | null
  /** Branches and tags. */
  readonly refs: Map<string, string>
  readonly commits: Map<string, ReadonlyMap<string, HubFile>>
}

export type FileContents = Readonly<Record<string, Uint8Array | string>>

/** Adds a commit and points the branch to it. The name of the commit is a hash of its contents. */
export function addCommit(repository: HubRepository, contents: FileContents, branch: string): string {
  const files = Object.entries(contents).map(([path, content]) => hubFile(path, typeof content === 'string' ? new TextEncoder().encode(content) : content))
  const commit = createHash('sha1').update(repository.id)
  for (const { path, oid } of files) commit.update(`\n${oid} ${path}`)
  const name = commit.digest('hex')
  repository.commits.set(name, new Map(files.map((file) => [file.path, file])))
  repository.refs.set(branch, name)
  return name
}

/** Resolves a branch, tag or commit. */
export function commitOf(repository: HubRepository, revision: string): string | undefined {
  return repository.commits.has(revision) ? revision : repository.refs.get(revision)
}

/** The entry of a file in the tree route. */
export function treeEntry({ path, content, oid, sha256 }: HubFile): Record<string, unknown> {
  const lfs =
    sha256 === null ? {} : { lfs: { oid: sha256, size: content.length, pointerSize: 134 }, xetHash: createHash('sha256').update(sha256).digest('hex') }
  return { type: 'file', oid, size: content.length, path, ...lfs }
}

function gitBlobSha1(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}

/** The hub stores weights outside git and JSON files in git. */
function hubFile(path: string, content: Uint8Array): HubFile {
  if (!/\.onnx$|\.onnx_data|\.data$|\.bin$/.test(path)) return { path, content, oid: gitBlobSha1(content), sha256: null }
  const sha256 = createHash('sha256').update(content).digest('hex')
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${content.length}\n`
  return { path, content, oid: gitBlobSha1(new TextEncoder().encode(pointer)), sha256 }
}
