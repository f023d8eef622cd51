import type { FastifyInstance, InjectOptions } from 'fastify'
import { ApiKeys, parseApiKeys } from '../../src/config/api-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { buildApp } from '../../src/http/build-app.ts'
import { type Asked, posted } from './asked.ts'
import { acquireModel, openLog, releaseModel } from './shared-model.ts'

/** The HTTP app of a service in this process, with the model that all tests share. */
export interface HttpApp extends Asked {
  /** All log lines so far, of requests and of the model. */
  readonly log: readonly string[]
  close(): Promise<void>
}

/** An HTTP app that listens on a real socket. */
export interface ListeningApp extends HttpApp {
  readonly url: string
}

/** Settings of the HTTP app. Settings of the engine and the queue have no effect, because the model is shared. */
export interface HttpSettings {
  readonly env?: Readonly<Record<string, string>>
  readonly keys?: readonly string[]
}

/** Requests reach the app without a socket. */
export async function startApp(settings: HttpSettings = {}): Promise<HttpApp> {
  const { app, log, close } = await built(settings)
  return {
    post(path, body, init) {
      const { method, headers, body: payload } = posted(body, init)
      return injected(app, { method: method as 'POST', url: path, headers, payload: typeof payload === 'string' ? payload : Buffer.from(payload) })
    },
    get: (path) => injected(app, { method: 'GET', url: path }),
    get log() {
      return log()
    },
    close
  }
}

/** For tests of connections. */
export async function listen(settings: HttpSettings = {}): Promise<ListeningApp> {
  const { app, log, close } = await built(settings)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    post: (path, body, init) => fetch(url + path, posted(body, init)),
    get: (path) => fetch(url + path),
    get log() {
      return log()
    },
    close
  }
}

interface Built {
  readonly app: FastifyInstance
  readonly log: () => readonly string[]
  readonly close: () => Promise<void>
}

async function built({ env = {}, keys = [] }: HttpSettings): Promise<Built> {
  const lines: string[] = []
  const { models, metrics, log } = await acquireModel()
  const { config } = loadConfig([], env)
  const app = await buildApp({ config, metrics, apiKeys: new ApiKeys(keys.length === 0 ? [] : parseApiKeys(keys.join('\n'))), models }, openLog(lines))
  return {
    app,
    log: () => [...log, ...lines],
    async close() {
      await app.close()
      releaseModel()
    }
  }
}

async function injected(app: FastifyInstance, request: InjectOptions): Promise<Response> {
  const { statusCode: status, rawPayload, headers } = await app.inject(request)
  return new Response(new Uint8Array(rawPayload), { status, headers: Object.entries(headers).map(([name, value]) => [name, String(value)]) })
}
