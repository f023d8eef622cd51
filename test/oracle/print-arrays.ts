/**
 * Writes what /v1/logprob answers as arrays, for check_arrays.py: `node print-arrays.js OUT`. OUT/request.json is the
 * request, OUT/response.npz and OUT/response.json are two forms of its answer.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { startApp } from '../support/http-app.ts'
import { randomOf } from '../support/random.ts'

const TOP_LOGPROBS = 256
const CONTEXT_TOKENS = 512
const PREFIX_TOKEN = 0
const VOCABULARY = 4096

interface Golden {
  readonly items: readonly { readonly x_ids: readonly number[]; readonly y_ids: readonly number[] }[]
}

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: print-arrays.js OUT')
const golden = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'golden', 'embedded.json'), 'utf8')) as Golden
const english = golden.items.map(({ x_ids, y_ids }) => [PREFIX_TOKEN, ...x_ids, ...y_ids]).filter(({ length }) => length >= 12 && length <= CONTEXT_TOKENS)
const random = randomOf(7)
const noise = Array.from({ length: CONTEXT_TOKENS }, () => random.between(1, VOCABULARY - 1))
const pairs = [
  ...english.slice(0, 24).map((ids) => ({ ids })),
  ...english.slice(24, 36).map((ids, i) => ({ ids, from: i })),
  { ids: noise },
  { ids: noise, from: 500 },
  { ids: [PREFIX_TOKEN] },
  { x: 'The café on the', y: ' corner — naïve, 😀 but open.' }
]
const request = { pairs, format: 'arrays', detail: 'tokens', top_logprobs: TOP_LOGPROBS }
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'request.json'), JSON.stringify(request))
const app = await startApp()
try {
  for (const [type, name] of [
    ['application/zip', 'response.npz'],
    ['application/json', 'response.json']
  ] as const) {
    const response = await app.post('/v1/logprob', request, { headers: { accept: type } })
    if (response.status !== 200) throw new Error(await response.text())
    writeFileSync(join(folder, name), Buffer.from(await response.arrayBuffer()))
  }
} finally {
  await app.close()
}
