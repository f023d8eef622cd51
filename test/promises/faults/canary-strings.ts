import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const KEY = 'a-key-of-sixteen-and-more'
/** Letters and digits only, so that no escaping hides it. Each path has its own number. */
const canaryOf = (path: number): string => `canary7f3a9c${String(path).padStart(4, '0')}x`
const CANARY = /canary7f3a9c\d{4}x/gi

type Send = (canary: string) => Promise<{ readonly status: number; readonly text: string }>

/** Every way that a request ends, with a canary in what the client wrote. */
function pathsThrough(service: RunningService): Readonly<Record<string, Send>> {
  const headersWith = (headers: Record<string, string> = {}): Record<string, string> => ({ authorization: `Bearer ${KEY}`, ...headers })
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}): ReturnType<Send> => {
    const response = await service.post(path, body, { headers: headersWith(headers) })
    return { status: response.status, text: await response.text() }
  }
  const get = async (path: string, headers = headersWith()): ReturnType<Send> => {
    const response = await fetch(service.url + path, { headers })
    return { status: response.status, text: await response.text() }
  }
  const raw = (bytes: string): ReturnType<Send> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(service.url)
      const socket = connect(Number(port), hostname)
      let text = ''
      socket.setTimeout(1500, () => socket.destroy())
      socket.on('data', (chunk) => {
        text += chunk.toString()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text }))
      socket.write(bytes)
    })
  const scored = ['/v1/logprob', '/v1/loss', '/v1/completions', '/v1/rerank', '/rerank', '/v2/rerank', '/tokenize', '/v1/check']
  const everywhere: Record<string, Send> = {}
  for (const path of scored) {
    everywhere[`${path}: a canary in every field`] = (c) =>
      post(path, { x: c, y: ` ${c}`, prompt: `${c} ${c}`, query: c, documents: [c, { text: c }], max_tokens: 0, echo: true, logprobs: 1, id: c })
    everywhere[`${path}: valid`] = (c) => post(path, validBody(path, c))
    everywhere[`${path}: JSON cut off`] = (c) => post(path, `{"x":"${c}","y":"`)
    everywhere[`${path}: a value of the wrong type`] = (c) => post(path, { ...validBody(path, c), x: { text: c }, prompt: { text: c }, query: [c], joint: c })
    everywhere[`${path}: a lone surrogate`] = (c) => post(path, `{"x":"${c}\\ud800","y":"b","prompt":"${c}\\ud800","query":"${c}\\ud800","documents":["a"]}`)
    everywhere[`${path}: bytes that are not UTF-8`] = (c) => post(path, Buffer.concat([Buffer.from(`{"x":"${c}`), Buffer.of(0xff), Buffer.from('"}')]))
    everywhere[`${path}: a text that is too long`] = (c) => post(path, validBody(path, `${c} `.repeat(3000)))
    everywhere[`${path}: an unknown model`] = (c) => post(path, { ...validBody(path, 'a'), model: c })
    everywhere[`${path}: another media type`] = (c) => post(path, c, { 'content-type': `text/${c}` })
    everywhere[`${path}: a wrong key`] = (c) => post(path, validBody(path, c), { authorization: `Bearer ${c}` })
    everywhere[`${path}: a deadline that is over`] = (c) => post(path, validBody(path, `${c} ${'and so on '.repeat(80)}`), { 'x-request-timeout-ms': '1' })
    everywhere[`${path}: headers`] = (c) =>
      post(path, validBody(path, 'a'), {
        'x-request-id': `${c} !`,
        traceparent: c,
        tracestate: `a=${c}`,
        'user-agent': c,
        cookie: c,
        'x-forwarded-for': c,
        'x-priority': c
      })
    everywhere[`${path}: a query string`] = (c) => post(`${path}?text=${c}`, validBody(path, 'a'))
    everywhere[`${path}: a client that leaves`] = (c) =>
      raw(`POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"x":"${c}`)
  }
  return {
    ...everywhere,
    'ids and names of pairs': (c) =>
      post('/v1/logprob', {
        pairs: [
          { id: c, x: c, y: c },
          { id: c, x: [9e15], y: c },
          { id: c, messages: [{ role: c, content: c }], y: c }
        ]
      }),
    'messages that the template rejects': (c) => post('/v1/logprob', { messages: [{ role: c, content: c }], y: c }),
    'segments of a loss': (c) => post('/v1/loss', { segments: [{ text: c, train: c }] }),
    'a boundary that merges': (c) => post('/v1/logprob', { x: `${c}q`, y: `u${c}`, boundary: 'strict' }),
    'duplicate keys': (c) => post('/v1/logprob', `{"x":"a","${c} 1":1,"${c} 1":2}`),
    'an unknown path': (c) => get(`/${c}`),
    'a path with escapes': (c) => get(`/%ff${c}`),
    'the name of a model in the path': (c) => get(`/v1/models/${c}`),
    'a path of the documentation': (c) => get(`/docs/${c}`),
    'a wrong method': (c) => raw(`DELETE /v1/logprob?${c} HTTP/1.1\r\nhost: ${c}\r\n\r\n`),
    'no HTTP': (c) => raw(`${c}\r\n\r\n`),
    'a header without end': (c) => raw(`GET / HTTP/1.1\r\nx: ${c.repeat(2000)}\r\n\r\n`),
    'a bad Expect': (c) => raw(`POST /v1/logprob HTTP/1.1\r\nhost: x\r\nexpect: ${c}\r\ncontent-length: 1\r\n\r\n`),
    'an engine that is killed': async (c) => {
      const answers = Array.from({ length: 4 }, () => post('/v1/logprob', { x: `${c} `.repeat(20), y: Array.from({ length: 40 }, () => c) }))
      await pause(5)
      process.kill(service.enginePid(), 'SIGKILL')
      const [answer] = await Promise.all(answers)
      await service.untilReady()
      return answer ?? { status: 0, text: '' }
    }
  }
}

function validBody(path: string, text: string): Record<string, unknown> {
  if (path === '/v1/completions') return { model: 'logpr-tiny-en', prompt: text, max_tokens: 0, echo: true, logprobs: 1 }
  if (path === '/tokenize') return { prompt: text }
  if (path === '/rerank') return { query: text, texts: [text] }
  if (path.endsWith('rerank')) return { query: text, documents: [text] }
  return path === '/v1/check' ? { joint: -3, marginal: -2 } : { x: text, y: ` ${text}` }
}

/** Canaries in the files below a folder, with the file. */
function canariesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile())
    .flatMap((file) => [...new Set(readFileSync(file, 'latin1').match(CANARY) ?? [])].map((canary) => `${canary} in ${file}`))
}

async function measure(): Promise<Measured> {
  const home = mkdtempSync(join(tmpdir(), 'logpr-promise-'))
  const keys = join(home, 'keys')
  mkdirSync(keys)
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(keys, 'api-keys.txt'), `${KEY}\n`)
  const service = await startService({
    LOGPR_LOG_LEVEL: 'trace',
    LOGPR_API_KEYS_FILE: join(keys, 'api-keys.txt'),
    HOME: home,
    TMPDIR: home,
    XDG_CACHE_HOME: ''
  })
  const hits: string[] = []
  const statuses = new Map<number, number>()
  try {
    const paths = Object.entries(pathsThrough(service))
    for (const [i, [name, send]] of paths.entries()) {
      const { status, text } = await send(canaryOf(i))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      // A result repeats texts and ids to its caller; an error does not.
      if (status >= 400 && text.match(CANARY) !== null) hits.push(`error body of ${name}`)
    }
    const metrics = await (await fetch(`${service.managementUrl}/metrics`)).text()
    await service.stop()
    const nameOf = (canary: string): string => paths[Number(canary.slice(12, 16))]?.[0] ?? canary
    for (const canary of new Set(service.log.join('\n').match(CANARY) ?? [])) hits.push(`log: ${nameOf(canary)}`)
    for (const canary of new Set(metrics.match(CANARY) ?? [])) hits.push(`metrics: ${nameOf(canary)}`)
    hits.push(...canariesIn(home))
    const seen = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${times} x ${status === 0 ? 'no answer' : status}`)
    return {
      isKept: hits.length === 0 && service.log.length > paths.length / 2,
      measured: `${paths.length} paths (${seen.join(', ')}) at log level trace, ${service.log.length} log lines: ${hits.length} hits${hits.length === 0 ? '' : `: ${hits.slice(0, 5).join('; ')}`}`
    }
  } finally {
    await service.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'G1',
    claim: 'What clients send leaves the service in its answer only.',
    target:
      'a canary in texts, ids, headers, keys and paths, through every error path, at log level trace: 0 hits in error bodies, stdout, stderr, metrics, the temporary folder and the home folder',
    measure
  }
]
