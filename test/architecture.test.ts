import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../src/package-info.ts'

/** What each folder may import from other folders and from packages, besides Node, itself and errors.ts. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  scoring: [],
  json: [],
  tokenizer: ['scoring/checks/check.ts', 'lower-priority.ts', '@huggingface/transformers'],
  model: ['package-info.ts'],
  memory: ['model/onnx/'],
  hub: ['model/', 'package-info.ts', '@huggingface/hub'],
  engine: [
    'forest/',
    'lower-priority.ts',
    'memory/',
    'model/cpu-flags.ts',
    'model/onnx/',
    'model/precision/',
    'model/weights/',
    'scoring/',
    'onnxruntime-node'
  ],
  forest: [],
  scheduling: ['engine/engine.ts', 'forest/'],
  logprob: ['scoring/', 'scheduling/scheduler.ts', 'engine/engine.ts', 'engine/checksum.ts', 'tokenizer/tokenizer.ts'],
  completions: ['scoring/', 'scheduling/scheduler.ts', 'engine/engine.ts', 'tokenizer/tokenizer.ts', 'logprob/'],
  provider: ['package-info.ts'],
  watch: ['engine/engine.ts', 'model/weights/weights-guard.ts', 'scheduling/scheduler.ts', 'scoring/'],
  loss: ['scoring/', 'scheduling/scheduler.ts', 'engine/engine.ts', 'tokenizer/tokenizer.ts', 'tokenizer/token-starts.ts', 'logprob/'],
  rerank: ['scoring/normalized.ts', 'logprob/'],
  observability: ['pino', 'prom-client'],
  serving: ['config/', 'http/service.ts', 'memory/', 'model/', 'observability/', 'provider/', 'ready-backend.ts', 'scoring-backend.ts', 'vigil.ts', 'pino'],
  config: ['env-schema', 'model/model-folder.ts', 'model/precision/precisions.ts'],
  inspect: ['config/options.ts', 'memory/', 'model/'],
  http: [
    'completions/',
    'logprob/',
    'loss/',
    'rerank/',
    'scoring/',
    'config/',
    'json/',
    'observability/',
    'tokenizer/tokenizer.ts',
    'tokenizer/text-tokenizer.ts',
    'served-model.ts',
    'package-info.ts',
    'fastify',
    '@fastify/',
    'yaml',
    'json-schema-to-ts'
  ],
  cli: [
    'config/',
    'inspect/',
    'hub/',
    'json/',
    'logprob/',
    'model/',
    'observability/',
    'provider/',
    'scoring/',
    'package-info.ts',
    'scoring-backend.ts',
    'service.ts',
    'serving/',
    'cli-progress',
    'close-with-grace'
  ]
}
const IMPORT = /^(?:import|export) (?:.*? from )?'([^']+)'/gms
const SRC = join(PACKAGE_FOLDER, 'src')
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

function importsOf(file: string): string[] {
  const specifiers = [...readFileSync(join(SRC, file), 'utf8').matchAll(IMPORT)].map(([, specifier]) => specifier ?? '')
  return specifiers
    .map((specifier) => (specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier))
    .filter((specifier) => !specifier.startsWith('node:'))
}

describe('src', () => {
  for (const [folder, allowed] of Object.entries(ALLOWED)) {
    test(`${folder}/ imports only what it may`, () => {
      const inside = files.filter((file) => file.startsWith(`${folder}/`))
      assert.ok(inside.length > 0)
      for (const file of inside) {
        const strangers = importsOf(file).filter(
          (target) => target !== 'errors.ts' && !target.startsWith(`${folder}/`) && !allowed.some((start) => target.startsWith(start))
        )
        assert.deepEqual(strangers, [], `${file} imports ${strangers.join(', ')}`)
      }
    })
  }

  test('every folder has its rule', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]))
    assert.deepEqual([...folders].sort(), Object.keys(ALLOWED).sort())
  })

  test('only the engine process imports onnxruntime-node', () => {
    const importers = files.filter((file) => importsOf(file).includes('onnxruntime-node'))
    assert.ok(importers.length > 0)
    assert.deepEqual(
      importers.filter((file) => !file.startsWith('engine/process/')),
      []
    )
  })

  test('only main.ts reads the command line and the environment', () => {
    const readers = files.filter((file) => /process\.(?:env|argv)\b/.test(readFileSync(join(SRC, file), 'utf8').replaceAll(/NodeJS\.ProcessEnv/g, '')))
    assert.deepEqual(readers, ['main.ts'])
  })

  test('HTTP statuses stand in http/ alone', () => {
    const outside = files.filter(
      (file) => !file.startsWith('http/') && /statusCode|\.code\(\d{3}\)|status: [45]\d\d/.test(readFileSync(join(SRC, file), 'utf8'))
    )
    assert.deepEqual(outside, [])
  })

  test('scoring reads no clock, no randomness and no process', () => {
    const impure = files.filter(
      (file) => file.startsWith('scoring/') && /Date\.|Math\.random|performance\.|process\./.test(readFileSync(join(SRC, file), 'utf8'))
    )
    assert.deepEqual(impure, [])
  })

  test('no file passes 250 lines', () => {
    const long = files.filter((file) => readFileSync(join(SRC, file), 'utf8').split('\n').length > 250)
    assert.deepEqual(long, [])
  })
})
