import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type Effect, type PlantedEffect, sendContent } from './effects.ts'
import { addCommit, commitOf, type FileContents, type HubFile, type HubRepository, treeEntry } from './repository.ts'

/** A request that the hub or its storage received. */
export interface SeenRequest {
  readonly host: 'hub' | 'storage'
  readonly method: string
  readonly path: string
  readonly range: string | undefined
  readonly hasToken: boolean
}

/**
 * A fake of the hub routes that a download uses: revision, paginated tree, resolve with its redirects, errors with
 * x-error-code. Large files are on a second server, as on the hub. An unmodified huggingface_hub can download from it
 * (test/interop).
 */
export class HubServer {
  readonly repositories = new Map<string, HubRepository>()
  readonly moved = new Map<string, string>()
  readonly seen: SeenRequest[] = []
  /** Number of entries per page of a listing. */
  pageEntries = 1000
  /** Changes the entries of a listing before they are sent. */
  alterListing: (entries: Record<string, unknown>[]) => Record<string, unknown>[] = (entries) => entries
  readonly #planted: PlantedEffect[] = []
  readonly #hub = createServer((request, response) => this.#answer('hub', request, response))
  readonly #storage = createServer((request, response) => this.#answer('storage', request, response))

  async start(): Promise<this> {
    await Promise.all([this.#hub, this.#storage].map((server) => once(server.listen(0, '127.0.0.1'), 'listening')))
    return this
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) server.closeAllConnections()
    await Promise.all([this.#hub, this.#storage].map((server) => new Promise((resolve) => server.close(resolve))))
  }

  get url(): string {
    return urlOf(this.#hub)
  }

  get storageUrl(): string {
    return urlOf(this.#storage)
  }

  /** Creates the repository if necessary, adds a commit and points a branch to it. Returns the commit. */
  publish(id: string, contents: FileContents, { branch = 'main', access = 'open' as HubRepository['access'], token = null as string | null } = {}): string {
    const repository = this.repositories.get(id) ?? { id, access, token, refs: new Map<string, string>(), commits: new Map() }
    this.repositories.set(id, repository)
    return addCommit(repository, contents, branch)
  }

  /** Gives the next `times` responses of a host to a matching path this effect. */
  plant(host: 'hub' | 'storage', path: RegExp, effect: Effect, times = 1): void {
    this.#planted.push({ host, path, effect, left: times })
  }

  /** Removes the remaining effects and the recorded requests. */
  heal(): void {
    this.#planted.length = 0
    this.seen.length = 0
  }

  requestsTo(host: 'hub' | 'storage', path: RegExp = /./): SeenRequest[] {
    return this.seen.filter((request) => request.host === host && path.test(request.path))
  }

  /** The path of a file on the storage server. */
  storagePath(content: Uint8Array | string): RegExp {
    return new RegExp(`/${createHash('sha256').update(content).digest('hex')}`)
  }

  #answer(host: 'hub' | 'storage', request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/'
    const { range, authorization } = request.headers
    this.seen.push({ host, method: request.method ?? '', path, range, hasToken: authorization !== undefined })
    response.on('error', () => {})
    const planted = this.#planted.find((candidate) => candidate.left > 0 && candidate.host === host && candidate.path.test(path))
    if (planted !== undefined) planted.left--
    if (planted?.effect.kind === 'answer') {
      const { status, headers = {}, body = '' } = planted.effect
      response.writeHead(status, headers).end(body)
    } else if (host === 'storage') this.#answerFromStorage(path, request, response, planted?.effect)
    else this.#answerAsHub(decodeURIComponent(path), authorization, request, response, planted?.effect)
  }

  #answerFromStorage(path: string, request: IncomingMessage, response: ServerResponse, effect: Effect | undefined): void {
    const sha256 = /^\/xet-bridge\/([0-9a-f]{64})\?/.exec(path)?.[1]
    const file = [...this.repositories.values()]
      .flatMap(({ commits }) => [...commits.values()])
      .flatMap((files) => [...files.values()])
      .find((candidate) => candidate.sha256 === sha256)
    if (sha256 === undefined || file === undefined) response.writeHead(403).end()
    // S3 and the CDN use their own names for stored content.
    else sendContent(request, response, file.content, createHash('md5').update(file.content).digest('hex'), effect)
  }

  #answerAsHub(path: string, authorization: string | undefined, request: IncomingMessage, response: ServerResponse, effect: Effect | undefined): void {
    const route =
      /^\/api\/models\/(?<id>[\w.-]+\/[\w.-]+)\/(?<kind>revision|tree)\/(?<revision>[^?]+?)(?:\?(?<query>.*))?$/.exec(path) ??
      /^\/(?<id>[\w.-]+\/[\w.-]+)\/(?<kind>resolve)\/(?<revision>refs\/\w+\/[^/]+|[^/]+)\/(?<file>[^?]+)/.exec(path) ??
      /^\/api\/(?<kind>resolve-cache)\/models\/(?<id>[\w.-]+\/[\w.-]+)\/(?<revision>[^/]+)\/(?<file>[^?]+)/.exec(path)
    const { id = '', kind = '', revision = '', query = '', file: name = '' } = route?.groups ?? {}
    const target = this.moved.get(id)
    if (target !== undefined) return redirect(response, 307, path.replace(id, target))
    const repository = this.repositories.get(id)
    if (authorization !== undefined && repository?.token !== authorization.slice('Bearer '.length) && repository?.access !== 'open')
      return refuse(response, 401, null, 'Invalid credentials in Authorization header')
    if (repository === undefined || (repository.access === 'private' && authorization === undefined))
      return refuse(response, authorization === undefined ? 401 : 404, 'RepoNotFound', 'Repository not found')
    if (repository.access === 'gated' && kind.startsWith('resolve') && authorization === undefined)
      return refuse(
        response,
        401,
        'GatedRepo',
        `Access to model ${id} is restricted. You must have access to it and be authenticated to access it. Please log in.`
      )
    const commit = commitOf(repository, revision)
    const files = repository.commits.get(commit ?? '')
    if (commit === undefined || files === undefined) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`)
    if (kind === 'revision') return sendJson(response, { _id: '1', id, sha: commit, private: false, gated: false, downloads: 0, likes: 0, tags: [] })
    if (kind === 'tree') return this.#sendTree(response, id, revision, files, new URLSearchParams(query))
    response.setHeader('x-repo-commit', commit)
    const file = files.get(name)
    if (file === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found')
    if (kind === 'resolve-cache') return sendContent(request, response, file.content, file.oid, effect)
    response.setHeader('x-linked-size', file.content.length)
    response.setHeader('x-linked-etag', `"${effect?.kind === 'other_etag' ? '0'.repeat(64) : (file.sha256 ?? file.oid)}"`)
    if (file.sha256 === null) return redirect(response, 307, `/api/resolve-cache/models/${id}/${commit}/${encodeURI(name)}?etag=%22${file.oid}%22`)
    response.setHeader('x-xet-hash', String(treeEntry(file).xetHash))
    redirect(response, 302, `${this.storageUrl}/xet-bridge/${file.sha256}?X-Amz-Signature=signed`)
  }

  #sendTree(response: ServerResponse, id: string, revision: string, files: ReadonlyMap<string, HubFile>, query: URLSearchParams): void {
    const folders = new Set(
      [...files.keys()].flatMap((path) => path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))).filter((path) => path !== '')
    )
    const entries = this.alterListing([
      ...[...folders].map((path) => ({ type: 'directory', oid: '0'.repeat(40), size: 0, path })),
      ...[...files.values()].map(treeEntry)
    ])
    const start = Number(query.get('cursor') ?? 0)
    const next = start + this.pageEntries
    if (next < entries.length)
      response.setHeader('link', `<${this.url}/api/models/${id}/tree/${revision}?recursive=true&expand=false&cursor=${next}>; rel="next"`)
    sendJson(response, entries.slice(start, next))
  }
}

/** Starts a hub that ends with the test. */
export async function startHub(t: TestContext): Promise<HubServer> {
  const hub = await new HubServer().start()
  t.after(() => hub.stop())
  return hub
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}

function redirect(response: ServerResponse, status: number, location: string): void {
  response.writeHead(status, { location }).end(`Redirecting to ${location}`)
}

function refuse(response: ServerResponse, status: number, code: string | null, message: string): void {
  const headers = { 'content-type': 'application/json', 'x-error-message': message, ...(code === null ? {} : { 'x-error-code': code }) }
  response.writeHead(status, headers).end(JSON.stringify({ error: message }))
}
