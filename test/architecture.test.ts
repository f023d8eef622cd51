import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { present } from './support/present.ts'

/** What every endpoint folder may import: they never import each other. */
const ENDPOINT = [
  'encoding/',
  'evaluation/',
  'engine/engine.ts',
  'scheduling/job.ts',
  'scheduling/scheduler.ts',
  'scoring/',
  'statistics/',
  'tokenizer/tokenizer.ts'
]

/**
 * What each folder may import from other folders and from packages, besides Node, itself, errors.ts, element-at.ts and,
 * except scoring/, event-loop.ts.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // It runs in browsers: no server code, no packages, and tsconfig.client.json keeps Node out.
  client: [],
  process: [],
  scoring: [],
  statistics: ['pako'],
  json: [],
  observability: ['process/package-info.ts', 'pino', 'pino-pretty', 'prom-client', '@opentelemetry/'],
  provider: ['process/'],
  model: ['process/'],
  memory: ['model/onnx/', 'process/'],
  hub: ['model/', 'process/', '@huggingface/hub'],
  config: ['env-schema', 'model/folder/find-graph-file.ts', 'model/precision/eight-bit-form.ts'],
  inspect: ['config/options.ts', 'memory/', 'model/', 'process/', 'engine/process/sharing/sharable-graph.ts', 'tokenizer/token-bytes.ts'],
  peer: [],
  audit: ['peer/'],
  compare: ['perplexity/corpus.ts'],
  jinja: [],
  tokenizer: [
    'jinja/',
    'observability/',
    'process/',
    'scheduling/fair-turns.ts',
    'scoring/checks/check.ts',
    'scoring/words/white-space.ts',
    '@huggingface/tokenizers'
  ],
  engine: ['memory/', 'model/onnx/', 'model/precision/', 'model/weights/', 'process/', 'scoring/', 'onnxruntime-node'],
  scheduling: ['engine/engine.ts', 'engine/engine-info.ts', 'engine/packed-row.ts'],
  encoding: ['scoring/', 'statistics/', 'tokenizer/tokenizer.ts'],
  evaluation: [...ENDPOINT.filter((allowed) => allowed !== 'evaluation/'), 'engine/checksum.ts'],
  logprob: [...ENDPOINT],
  completions: [...ENDPOINT, 'json/parse.ts'],
  choice: [...ENDPOINT],
  perplexity: [...ENDPOINT],
  rerank: [...ENDPOINT],
  loss: [...ENDPOINT, 'tokenizer/token-bytes.ts'],
  http: [
    'choice/',
    'completions/',
    'encoding/',
    'evaluation/',
    'logprob/',
    'loss/',
    'perplexity/',
    'rerank/',
    'scoring/',
    'statistics/',
    'config/',
    'engine/engine-info.ts',
    'json/',
    'model/open-model.ts',
    'model/weights/file-hashes.ts',
    'observability/',
    'process/package-info.ts',
    'process/private-memory.ts',
    'scheduling/job.ts',
    'tokenizer/tokenizer.ts',
    'fastify',
    '@fastify/',
    '@opentelemetry/api',
    'yaml',
    'yazl',
    'json-schema-to-ts'
  ],
  serving: [
    'completions/evaluate.ts',
    'config/',
    'engine/',
    'evaluation/',
    'http/',
    'loss/evaluate.ts',
    'memory/',
    'model/',
    'observability/',
    'perplexity/evaluate.ts',
    'process/',
    'provider/choose-provider.ts',
    'scheduling/',
    'scoring/',
    'tokenizer/',
    'fastify',
    'ioredis',
    'pino'
  ],
  cli: [
    'audit/',
    'compare/',
    'config/',
    'encoding/logprob-item.ts',
    'evaluation/logprob-evaluator.ts',
    'inspect/',
    'hub/',
    'http/schemas/logprob.ts',
    'http/schemas/perplexity.ts',
    'http/served-models.ts',
    'json/',
    'logprob/',
    'model/',
    'observability/',
    'peer/',
    'perplexity/',
    'process/early-stop.ts',
    'process/mebibytes.ts',
    'process/package-info.ts',
    'provider/',
    'scoring/',
    'serving/',
    'statistics/',
    'ajv',
    'cli-progress',
    'close-with-grace',
    'glob',
    'pino'
  ]
}
/** Types made from openapi.yaml. */
const GENERATED = 'client/openapi.ts'
const IMPORT = /^(?:import|export) (?:.*? from )?'([^']+)'/gms
const SRC = join(PACKAGE_FOLDER, 'src')
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

function importsOf(file: string): string[] {
  const specifiers = [...readFileSync(join(SRC, file), 'utf8').matchAll(IMPORT)].map(([, specifier]) => present(specifier))
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
          (target) =>
            target !== 'errors.ts' &&
            target !== 'element-at.ts' &&
            (target !== 'event-loop.ts' || folder === 'scoring') &&
            !target.startsWith(`${folder}/`) &&
            !allowed.some((start) => target.startsWith(start))
        )
        assert.deepEqual(strangers, [], `${file} imports ${strangers.join(', ')}`)
      }
    })
  }

  test('client/ imports nothing of the service', () => {
    const strangers = files.filter((file) => file.startsWith('client/') && importsOf(file).some((target) => !target.startsWith('client/')))
    assert.deepEqual(strangers, [])
  })

  test('element-at.ts, which every folder may import, imports nothing', () => {
    assert.deepEqual(importsOf('element-at.ts'), [])
  })

  test('every folder has its rule', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]))
    assert.deepEqual([...folders].sort(), Object.keys(ALLOWED).sort())
  })

  test('only the engine process imports ONNX Runtime', () => {
    const importers = files.filter((file) => importsOf(file).includes('engine/process/onnxruntime.ts'))
    assert.ok(importers.length > 0)
    assert.deepEqual(
      importers.filter((file) => !file.startsWith('engine/process/')),
      []
    )
  })

  test('only main.ts reads the command line and the environment, besides no-telemetry.ts, which sets one variable', () => {
    const readers = files.filter((file) => /process\.(?:env|argv)\b/.test(readFileSync(join(SRC, file), 'utf8').replaceAll(/NodeJS\.ProcessEnv/g, '')))
    assert.deepEqual(readers, ['main.ts', 'process/no-telemetry.ts'])
  })

  test('HTTP statuses stand in http/ alone', () => {
    const outside = files.filter(
      (file) =>
        !file.startsWith('http/') && !file.startsWith('client/') && /statusCode|\.code\(\d{3}\)|status: [45]\d\d/.test(readFileSync(join(SRC, file), 'utf8'))
    )
    assert.deepEqual(outside, [])
  })

  test('scoring reads no clock, no randomness and no process', () => {
    const impure = files.filter(
      (file) => file.startsWith('scoring/') && /Date\.|Math\.random|performance\.|process\./.test(readFileSync(join(SRC, file), 'utf8'))
    )
    assert.deepEqual(impure, [])
  })

  test('no folder that scores or monitors has a catch that ignores its error', () => {
    const FOLDERS = [
      'choice/',
      'completions/',
      'encoding/',
      'evaluation/',
      'logprob/',
      'loss/',
      'perplexity/',
      'rerank/',
      'scheduling/',
      'scoring/',
      'serving/'
    ]
    const blind = files.filter((file) => FOLDERS.some((folder) => file.startsWith(folder)) && /catch \{/.test(readFileSync(join(SRC, file), 'utf8')))
    assert.deepEqual(blind, [])
  })

  test('comments name a check by its id, not by a number', () => {
    const numbered = files.filter((file) => /\bC[0-3]\d\b/.test(readFileSync(join(SRC, file), 'utf8')))
    assert.deepEqual(numbered, [])
  })

  test('no file is over 250 lines', () => {
    const long = files.filter((file) => lineCount(file) > 250 && file !== GENERATED)
    assert.deepEqual(long, [])
  })

  test('no file under 40 lines has its only importer in its own folder: it belongs inside that importer', () => {
    const importersOf = new Map<string, string[]>()
    for (const file of files) for (const target of importsOf(file)) importersOf.set(target, [...(importersOf.get(target) ?? []), file])
    const fragments = files.filter((file) => {
      const [importer, ...others] = importersOf.get(file) ?? []
      return lineCount(file) < 40 && importer !== undefined && others.length === 0 && dirname(importer) === dirname(file)
    })
    assert.deepEqual(fragments, [])
  })
})

describe('telemetry of ONNX Runtime', () => {
  /** Packages that load the native library of the runtime. */
  const LOADERS = ['onnxruntime-node', '@huggingface/transformers']
  const OFF = /^import '[./a-z-]*(?:no-telemetry|onnxruntime)\.ts'/m
  const everywhere = ['src', 'test', 'bench', 'scripts'].flatMap((folder) =>
    readdirSync(join(PACKAGE_FOLDER, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|mjs)$/.test(file))
      .map((file) => join(folder, file))
  )

  for (const loader of LOADERS) {
    test(`whoever imports ${loader} turns it off first`, () => {
      const specifier = new RegExp(`(?:from|import|import\\(|require\\()\\s*'${loader}'`)
      const importers = everywhere.filter((file) => specifier.test(readFileSync(join(PACKAGE_FOLDER, file), 'utf8')))
      assert.ok(importers.length > 0)
      for (const file of importers) {
        const text = readFileSync(join(PACKAGE_FOLDER, file), 'utf8')
        const off = OFF.exec(text)?.index ?? Number.POSITIVE_INFINITY
        assert.ok(off < text.search(specifier), `${file} imports ${loader} with telemetry: import src/engine/process/onnxruntime.ts or no-telemetry.ts first`)
      }
    })
  }

  // Those of scripts/models are started by .ci/run, which sets the variable; their text is the key of its cache.
  test('Python programs that people start turn it off before they import onnxruntime', () => {
    const programs = ['test', 'bench', 'scripts/train-embedded'].flatMap((folder) =>
      readdirSync(join(PACKAGE_FOLDER, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.py'))
        .map((file) => join(folder, file))
    )
    const importers = programs.filter((file) => /^(?:import|from) (?:onnxruntime|optimum)/m.test(readFileSync(join(PACKAGE_FOLDER, file), 'utf8')))
    assert.ok(importers.length > 0)
    for (const file of importers) {
      const text = readFileSync(join(PACKAGE_FOLDER, file), 'utf8')
      const off = text.indexOf('os.environ["ORT_DISABLE_TELEMETRY"] = "1"')
      assert.ok(off >= 0 && off < text.search(/^(?:import|from) (?:onnxruntime|optimum)/m), `${file} must set ORT_DISABLE_TELEMETRY before the import`)
    }
  })
})

function lineCount(file: string): number {
  return readFileSync(join(SRC, file), 'utf8').split('\n').length - 1
}
