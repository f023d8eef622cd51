import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { pause, startListening } from '../../support/running-service.ts'
import { readSystemCalls, recordedTo, WITHOUT_STRACE } from '../../support/system-calls.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const NAMES = [
  '../logpr-tiny-en',
  '../../../../../../etc/passwd',
  '..\\..\\etc\\passwd',
  '%2e%2e/%2e%2e/etc/passwd',
  '%252e%252e%252fetc%252fpasswd',
  '/etc/passwd',
  '/proc/self/environ',
  '/dev/random',
  'file:///etc/passwd',
  'http://192.0.2.1/model.onnx',
  'https://192.0.2.1/model',
  'hf://org/name',
  'org/name',
  'org/name@main',
  'models--a--b',
  'logpr-tiny-en\0',
  'logpr-tiny-en/../logpr-tiny-en',
  './logpr-tiny-en',
  ' logpr-tiny-en',
  'LOGPR-TINY-EN',
  // A Cyrillic letter, and full-width ones.
  'logpr-tiny-еn',
  'ｌogpr-tiny-en',
  'logpr‑tiny‑en',
  '__proto__',
  'constructor',
  'toString',
  '~/.ssh/id_rsa',
  '$HOME',
  '`id`',
  'a'.repeat(10_000)
]
const BODIES: Readonly<Record<string, object>> = {
  '/v1/logprob': { x: 'a', y: ' b' },
  '/v1/loss': { x: 'a', y: ' b' },
  '/v1/completions': { prompt: 'a', max_tokens: 0, echo: true, logprobs: 1 },
  '/v1/rerank': { query: 'a', documents: ['b'] },
  '/tokenize': { prompt: 'a' },
  '/detokenize': { tokens: [1] }
}
/** What a service opens by itself: its own package and facts about its processes. */
const ALLOWED = [
  PACKAGE_FOLDER,
  '/proc/self/',
  '/proc/meminfo',
  '/proc/stat',
  '/sys/fs/cgroup',
  '/proc/',
  '/dev/null',
  '/dev/urandom',
  '/etc/localtime',
  '/usr/share/zoneinfo'
]

async function measure(): Promise<Measured> {
  if (WITHOUT_STRACE !== false) throw new Error(`this measurement records system calls: ${WITHOUT_STRACE}`)
  const folder = mkdtempSync(join(tmpdir(), 'logpr-promise-'))
  const record = join(folder, 'system-calls')
  const service = await startListening({}, recordedTo(record))
  let [requests, found] = [0, 0]
  try {
    await service.untilReady()
    for (const [path, body] of Object.entries(BODIES)) await service.post(path, { ...body, model: 'logpr-tiny-en' })
    await pause(500)
    const before = readFileSync(record, 'utf8').length
    for (const name of NAMES) {
      const answers = [
        ...Object.entries(BODIES).map(([path, body]) => service.post(path, { ...body, model: name })),
        service.get(`/v1/models/${encodeURIComponent(name)}`)
      ]
      for (const { status } of await Promise.all(answers)) {
        requests++
        // A name in the path that is too long for the router is no path at all.
        if (![404, 414, 400].includes(status)) found++
      }
    }
    await pause(500)
    const { opened, remote } = readSystemCalls(record, before)
    const isRecorded = readFileSync(record, 'utf8').length > before
    const outside = opened.filter((path) => !ALLOWED.some((start) => path.startsWith(start)))
    return {
      isKept: isRecorded && found === 0 && outside.length === 0 && remote.length === 0,
      measured: `${NAMES.length} names in ${requests} requests: ${requests - found} refused; strace: ${opened.length} files opened meanwhile, ${outside.length} outside the allow-list${outside.length === 0 ? '' : ` (${outside.slice(0, 3).join(', ')})`}, ${remote.length} connections`
    }
  } finally {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'G3',
    claim: 'A request names only models that are served; nothing in it becomes a file name or an address.',
    target:
      'paths, escapes, URLs, NUL and look-alikes as model names: all 404, or 400 where a schema limits the length; under strace 0 files opened outside the package and /proc, 0 connections',
    measure
  }
]
