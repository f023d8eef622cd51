import { copyFileSync, cpSync, linkSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { overwrite } from '../../support/file-changes.ts'
import { logprobBody } from '../../support/logprob-body.ts'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const CLIENTS = 4
const LIMIT_MS = 60_000
const BODY = { x: 'The children ran down to the', y: ' river' }

const largest = readOnnx(join(EMBEDDED, 'model.onnx'))
  .initializers.flatMap(({ value }) => (value instanceof Uint8Array ? [] : [value]))
  .reduce((most, range) => (range.length > most.length ? range : most))

/** Flips the sign of every weight of the largest matrix. */
function turnSigns(path: string): void {
  const weights = readFileSync(path).subarray(largest.offset, largest.offset + largest.length)
  overwrite(
    path,
    weights.map((byte, i) => (i % 4 === 3 ? byte ^ 0x80 : byte)),
    largest.offset
  )
}

const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  'written over': turnSigns,
  'cut short': (path) => truncateSync(path, largest.offset),
  'swapped by a rename': (path) => {
    copyFileSync(path, `${path}.new`)
    turnSigns(`${path}.new`)
    renameSync(`${path}.new`, path)
  },
  'written over through a hard link': (path) => {
    linkSync(path, `${path}.link`)
    turnSigns(`${path}.link`)
  }
}

interface Outcome {
  readonly noticedMs: number
  readonly answers: number
  readonly wrong: number
}

/** With the default interval at which an idle service looks at its files. */
async function changedUnder(change: (path: string) => void, clients: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-promise-'))
  cpSync(EMBEDDED, folder, { recursive: true })
  // One thread and one text per batch make scores equal bit for bit.
  const service = await startService({ LOGPR_MODEL: folder, LOGPR_THREADS: '1', LOGPR_MAX_BATCH_TOKENS: '1', LOGPR_VERIFY_PERCENT: '0' })
  try {
    const before = await jointOf(service)
    let [answers, wrong, isOver] = [0, 0, false]
    const crowd = Array.from({ length: clients }, async () => {
      while (!isOver) {
        const joint = await jointOf(service)
        if (joint === null) await pause(20)
        else if (joint === before) answers++
        else wrong++
      }
    })
    await pause(300)
    const began = performance.now()
    change(join(folder, 'model.onnx'))
    let isReady = true
    while (isReady && performance.now() - began < LIMIT_MS) {
      await pause(50)
      isReady = (await service.get('/readyz')).status === 200
    }
    const noticedMs = isReady ? Number.POSITIVE_INFINITY : performance.now() - began
    await pause(1000)
    isOver = true
    await Promise.all(crowd)
    return { noticedMs, answers, wrong }
  } finally {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function jointOf(service: RunningService): Promise<number | null | undefined> {
  const response = await service.post('/v1/logprob', BODY)
  if (response.status === 200) return (await logprobBody(response)).results[0]?.log_prob.joint
  await response.arrayBuffer()
  return null
}

async function measure(): Promise<Measured> {
  const outcomes: { readonly what: string; readonly outcome: Outcome }[] = []
  for (const [what, change] of Object.entries(CHANGES)) outcomes.push({ what, outcome: await changedUnder(change, CLIENTS) })
  outcomes.push({ what: 'written over while idle', outcome: await changedUnder(turnSigns, 0) })
  const [answers, wrong] = [outcomes.reduce((sum, { outcome }) => sum + outcome.answers, 0), outcomes.reduce((sum, { outcome }) => sum + outcome.wrong, 0)]
  return {
    isKept: wrong === 0 && outcomes.every(({ outcome }) => outcome.noticedMs <= LIMIT_MS),
    measured: `not ready after: ${outcomes.map(({ what, outcome }) => `${what} ${(outcome.noticedMs / 1000).toFixed(1)} s`).join(', ')}; ${answers} answers of ${CLIENTS} clients, ${wrong} with another score`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'A4',
    claim: 'Weights that change under a running service are noticed, and no answer is computed with them.',
    target: 'weights written over, cut short, swapped, or changed through a hard link: readyz 503 within 60 s, 0 answers with another score',
    measure
  }
]
