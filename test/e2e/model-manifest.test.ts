import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { cacheSnapshot } from '../support/external-data.ts'
import { overwrite } from '../support/file-changes.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { endOfStart, MAIN, startService } from '../support/running-service.ts'
import { splitEmbeddedModel } from '../support/split-embedded.ts'
import { tempFolder } from '../support/temp-folder.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const BODY = { x: 'The children ran down to the', y: ' river' }
const SPLIT = splitEmbeddedModel(3)
const NAMES = ['model.onnx', 'model.onnx_data', 'model.onnx_data_1', 'model.onnx_data_2', 'config.json', 'tokenizer.json', 'tokenizer_config.json']

interface Files {
  readonly files: readonly { readonly file: string; readonly size_bytes: number; readonly sha256: string }[]
}

function manifestOf(folder: string): string {
  return execFileSync(process.execPath, [MAIN, 'manifest', folder], { encoding: 'utf8' })
}

function copyOfEmbedded(t: TestContext): string {
  const folder = tempFolder(t)
  cpSync(EMBEDDED, folder, { recursive: true })
  return folder
}

test('a model of several weight files in a sharded cache is served and listed with name, size and hash of every file read', async (t) => {
  const snapshot = cacheSnapshot(t, SPLIT, 'sharded')
  const split = await startService({ LOGPR_MODEL: snapshot, LOGPR_THREADS: '1', LOGPR_EXIT_ON_FAILURE: 'false' })
  t.after(() => split.stop())
  const whole = await startService({ LOGPR_THREADS: '1' })
  t.after(() => whole.stop())
  const { data } = (await (await split.get('/v1/models')).json()) as { data: Files[] }
  const jointOf = async (service: typeof split): Promise<number | null | undefined> =>
    (await logprobBody(await service.post('/v1/logprob', BODY))).results[0]?.log_prob.joint

  assert.deepEqual(
    data[0]?.files,
    NAMES.map((file) => {
      const content = readFileSync(join(snapshot, file))
      return { file, size_bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
    })
  )
  assert.equal(await jointOf(split), await jointOf(whole))

  // An overwritten blob is noticed through its link.
  truncateSync(realpathSync(join(snapshot, 'model.onnx_data_2')), 1000)
  for (const deadline = Date.now() + 20_000; (await split.get('/livez')).status === 200 && Date.now() < deadline; ) await split.post('/v1/logprob', BODY)
  const { reason } = (await (await split.get('/readyz')).json()) as { reason: string }
  assert.match(reason, /changed on disk since this service loaded it/)
})

describe('logpr manifest', () => {
  test('prints what `sha256sum --check` accepts, for a folder and for a cache', (t) => {
    for (const folder of [copyOfEmbedded(t), cacheSnapshot(t, { ...SPLIT, 'onnx/unused.txt': 'x' }, 'flat')]) {
      const lines = manifestOf(folder)
      const checked = execFileSync('sha256sum', ['--check', '--strict', '-'], { cwd: folder, input: lines, encoding: 'utf8' })
      assert.deepEqual(
        checked.trim().split('\n'),
        lines
          .trim()
          .split('\n')
          .map((line) => `${line.slice(66)}: OK`)
      )
    }
  })

  test('lists the same files as GET /v1/models', async (t) => {
    const service = await startService()
    t.after(() => service.stop())
    const { files } = (await (await service.get('/v1/models/logpr-tiny-en')).json()) as Files
    assert.equal(manifestOf(EMBEDDED), files.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join(''))
    assert.ok(files.some(({ file }) => file === 'canary.json'))
  })
})

describe('a start with SHA256SUMS in the model folder', () => {
  test('is ready when every listed file has its hash, and lists the file itself', async (t) => {
    const folder = copyOfEmbedded(t)
    writeFileSync(join(folder, 'SHA256SUMS'), manifestOf(folder).split('\n').slice(1).join('\n'))
    const service = await startService({ LOGPR_MODEL: folder })
    t.after(() => service.stop())
    const { data } = (await (await service.get('/v1/models')).json()) as { data: Files[] }
    assert.equal(data[0]?.files.at(-1)?.file, 'SHA256SUMS')
  })

  const FAULTS: readonly [string, (folder: string) => void, RegExp][] = [
    [
      'another file in place of one',
      (folder) => overwrite(join(folder, 'README.md'), Buffer.from('#')),
      /README\.md has SHA-256 [0-9a-f]{64}, and SHA256SUMS of the model folder says/
    ],
    ['a file missing', (folder) => rmSync(join(folder, 'README.md')), /README\.md, which SHA256SUMS of the model folder lists, does not exist/]
  ]
  for (const [what, change, reason] of FAULTS) {
    test(`ends with exit code 2 and names the file: ${what}`, async (t) => {
      const folder = copyOfEmbedded(t)
      overwrite(join(folder, 'README.md'), Buffer.from('!'))
      const sums = execFileSync('sha256sum', ['README.md', 'model.onnx'], { cwd: folder, encoding: 'utf8' })
      writeFileSync(join(folder, 'SHA256SUMS'), sums)
      change(folder)
      const { code, output } = await endOfStart({ LOGPR_MODEL: folder })
      assert.equal(code, 2)
      assert.match(output, reason)
    })
  }
})

describe('a start with an incomplete model folder', () => {
  const LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'
  const FAULTS: readonly [string, (folder: string) => void, RegExp][] = [
    ['no tokenizer.json', (folder) => rmSync(join(folder, 'tokenizer.json')), /has no tokenizer\.json, which turns text into token ids: download it/],
    [
      'a tokenizer.json that is not JSON',
      (folder) => writeFileSync(join(folder, 'tokenizer.json'), '{"model": '),
      /tokenizer\.json cannot be read: .*; download it again/
    ],
    [
      'a tokenizer.json that is a Git LFS pointer',
      (folder) => writeFileSync(join(folder, 'tokenizer.json'), LFS),
      /tokenizer\.json is a Git LFS pointer.*`git lfs pull`/
    ],
    ['no config.json', (folder) => rmSync(join(folder, 'config.json')), /has no config\.json, which describes the model: download it/],
    ['a config.json that is a Git LFS pointer', (folder) => writeFileSync(join(folder, 'config.json'), LFS), /config\.json is a Git LFS pointer/],
    ['a config.json that is a named pipe', (folder) => pipeAt(join(folder, 'config.json')), /config\.json is a named pipe instead of a file/],
    ['a model.onnx that is a named pipe', (folder) => pipeAt(join(folder, 'model.onnx')), /model\.onnx is a named pipe instead of a file/],
    [
      'a model.onnx that is cut off',
      (folder) => truncateSync(join(folder, 'model.onnx'), 10_000_000),
      /model\.onnx is not a readable ONNX file: .*download it again/
    ],
    [
      'a tokenizer that is larger than the head',
      (folder) => {
        const path = join(folder, 'tokenizer.json')
        const tokenizer = JSON.parse(readFileSync(path, 'utf8')) as { model: { vocab: Record<string, number> } }
        tokenizer.model.vocab['a piece of another model'] = Object.keys(tokenizer.model.vocab).length + 1000
        writeFileSync(path, JSON.stringify(tokenizer))
      },
      /the tokenizer has ids up to \d+, but the model has only \d+ logits per token, .*: use the files of one download/
    ]
  ]
  for (const [what, change, reason] of FAULTS) {
    test(`ends with exit code 2 and the remedy: ${what}`, async (t) => {
      const folder = copyOfEmbedded(t)
      change(folder)
      const { code, output } = await endOfStart({ LOGPR_MODEL: folder })
      assert.match(output, reason)
      assert.equal(code, 2)
    })
  }
})

function pipeAt(path: string): void {
  rmSync(path)
  execFileSync('mkfifo', [path])
}
