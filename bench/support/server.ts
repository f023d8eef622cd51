import { type ChildProcess, spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

const MAIN = join(PACKAGE_FOLDER, 'dist', 'src', 'main.js')

/** Requests to a server. Each resolves with the whole response and rejects if the status is not 200. */
export interface Client {
  get(path: string): Promise<string>
  post(path: string, body: string): Promise<string>
}

/** The real server in its own process, by default with the embedded model and default settings. */
export interface Server extends Client {
  readonly address: string
  /** Process id of the front process; its children are the engines. */
  readonly pid: number
  close(): Promise<void>
}

/** Starts the server on a free port and waits until it is ready. `connections` are kept alive between requests. */
export async function startServer(connections: number, flags: readonly string[] = []): Promise<Server> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--host', '127.0.0.1', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  const end = (): boolean => child.kill('SIGTERM')
  process.once('exit', end)
  const address = await addressOf(child)
  const { end: endConnections, ...client } = connectTo(address, connections)
  return {
    ...client,
    address,
    pid: child.pid ?? 0,
    async close() {
      endConnections()
      const gone = new Promise((resolve) => child.once('exit', resolve))
      end()
      await gone
      process.off('exit', end)
    }
  }
}

/** A client of a running server. */
export function connectTo(address: string, connections: number): Client & { end(): void } {
  const base = new URL(address)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    get: (path) => exchange(agent, base, 'GET', path, ''),
    post: (path, body) => exchange(agent, base, 'POST', path, body),
    end: () => agent.destroy()
  }
}

/** Waits for the log line `ready` and returns the address in the log line `listening`. */
function addressOf(child: ChildProcess): Promise<string> {
  let address = ''
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with exit code ${code} before it was ready: ${said}`)))
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface(stream).on('line', (line) => {
        // The reason why a setting is rejected is not a log entry.
        if (!line.startsWith('{')) said = line
        const entry = entryOf(line)
        if (entry.msg === 'listening') address = String(entry.address)
        if (entry.msg === 'ready') resolve(address)
        if (entry.msg === 'the model cannot be served') reject(new Error(String(entry.reason)))
      })
    }
  })
}

function entryOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}

function exchange(agent: Agent, base: URL, method: string, path: string, body: string): Promise<string> {
  const headers = body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, host: base.hostname, port: base.port, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text}`))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** The sum of a Prometheus sample, such as `logpr_batch_seconds_sum`, over all models. */
export function metricIn(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  if (lines.length === 0) throw new Error(`/metrics has no ${name}`)
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
