import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, linkSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { InferenceSession, Tensor } from '../../../src/engine/process/onnxruntime.ts'
import { buildNode, buildTensor } from '../../../src/model/onnx/build-node.ts'
import { BOOL, FLOAT } from '../../../src/model/onnx/data-types.ts'
import type { Graph, Initializer } from '../../../src/model/onnx/graph.ts'
import { writeBytes, writeInteger } from '../../../src/model/onnx/wire.ts'
import { writeGraph, writeOnnx } from '../../../src/model/onnx/write.ts'
import { openGraph } from '../../../src/model/weights/open-graph.ts'
import { cacheSnapshot, externalModelFiles, externalTensor, type HeadEntries, inlineModelFile, logProbsOf, refusalOf } from '../../support/external-data.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MODEL_FILES = ['model.onnx', 'model.onnx_data', 'model.onnx_data_1']

describe('a model with data files', async () => {
  const [onnx] = [inlineModelFile()]

  it('scores like the same model in one file', async (t) => {
    const expected = await logProbsOf(join(tempFolder(t, { 'model.onnx': onnx }), 'model.onnx'))
    assert.ok(expected.every((value) => value < 0 && value > -20))
    assert.deepEqual(await logProbsOf(join(tempFolder(t, externalModelFiles()), 'model.onnx')), expected)
  })

  for (const layout of ['flat', 'sharded', 'shared'] as const) {
    for (const prefix of ['', 'onnx/']) {
      it(`loads from a ${layout} cache, its .onnx in "${prefix}", and keeps the names of its files`, async (t) => {
        const expected = await logProbsOf(join(tempFolder(t, { 'model.onnx': onnx }), 'model.onnx'))
        const snapshot = cacheSnapshot(t, externalModelFiles({}, prefix), layout)
        const onnxPath = join(snapshot, prefix, 'model.onnx')
        const { files, folder } = openGraph({ onnxPath, modelFolder: snapshot })

        assert.deepEqual(await logProbsOf(onnxPath, snapshot), expected)
        assert.deepEqual(
          files.map(({ file }) => file),
          MODEL_FILES.map((file) => prefix + file)
        )
        assert.deepEqual(
          files.map(({ path }) => path),
          files.map(({ file }) => realpathSync(join(snapshot, file)))
        )
        assert.ok(files.every(({ path }) => path.startsWith(`${folder}/`)) && basename(folder) === 'blobs')
      })
    }
  }

  it('loads a folder that is a link, and a .onnx file that is a link to a model elsewhere', async (t) => {
    const real = tempFolder(t, externalModelFiles())
    const expected = await logProbsOf(join(real, 'model.onnx'))
    const links = tempFolder(t)
    symlinkSync(real, join(links, 'whole'))
    mkdirSync(join(links, 'one'))
    symlinkSync(join(real, 'model.onnx'), join(links, 'one', 'model.onnx'))
    assert.deepEqual(await logProbsOf(join(links, 'whole', 'model.onnx')), expected)
    assert.deepEqual(await logProbsOf(join(links, 'one', 'model.onnx')), expected)
  })

  it('uses the files of an earlier start, wherever links lead now', async (t) => {
    const snapshot = cacheSnapshot(t, externalModelFiles(), 'sharded')
    const onnxPath = join(snapshot, 'model.onnx')
    const expected = await logProbsOf(onnxPath)
    const realPaths = Object.fromEntries(openGraph({ onnxPath, modelFolder: snapshot }).files.map(({ file, path }) => [file, path]))
    const other = join(dirname(present(realPaths['model.onnx_data'])), 'other')
    writeFileSync(
      other,
      readFileSync(join(snapshot, 'model.onnx_data')).map((byte) => byte ^ 0x80)
    )
    rmSync(join(snapshot, 'model.onnx_data'))
    symlinkSync(other, join(snapshot, 'model.onnx_data'))

    assert.notDeepEqual(await logProbsOf(onnxPath), expected)
    assert.deepEqual(await logProbsOf(onnxPath, snapshot, realPaths), expected)
  })

  it("may be in the model file itself, under another tensor's location, at any offset", async (t) => {
    const files = externalModelFiles({ location: 'model.onnx_data', offset: '2064' })
    const data = Buffer.concat([present(files['model.onnx_data']), present(files['model.onnx_data_1'])])
    const folder = tempFolder(t, { ...files, 'model.onnx_data': data })
    assert.deepEqual(await logProbsOf(join(folder, 'model.onnx')), await logProbsOf(join(tempFolder(t, externalModelFiles()), 'model.onnx')))
    assert.equal(openGraph({ onnxPath: join(folder, 'model.onnx') }).files.length, 2)
  })

  const FINE: readonly [string, HeadEntries][] = [
    ['no offset and no length', { offset: undefined, length: undefined }],
    ['a length of 0, which means all', { length: '0' }],
    ['a length that covers padding to the next tensor', { length: '4096' }]
  ]
  for (const [what, entries] of FINE) {
    it(`loads with ${what}`, async (t) => {
      const expected = await logProbsOf(join(tempFolder(t, externalModelFiles()), 'model.onnx'))
      assert.deepEqual(await logProbsOf(join(tempFolder(t, externalModelFiles(entries)), 'model.onnx')), expected)
    })
  }
})

describe('the data file of a weight inside a branch', () => {
  it('is found by onnxruntime through the links of a cache', async (t) => {
    const branch = (offset: number): Uint8Array =>
      writeGraph(
        `at${offset}`,
        graphOf({
          nodes: [buildNode('Identity', [`w${offset}`], [`y${offset}`])],
          initializers: [externalTensor(`w${offset}`, [100], FLOAT, { location: 'data/weights', offset: String(offset), length: '400' })],
          outputs: [info(`y${offset}`, FLOAT, [100])]
        })
      )
    const graph = graphOf({
      nodes: [buildNode('If', ['flag'], ['y'], { attributes: { then_branch: branch(0), else_branch: branch(400) } })],
      inputs: [info('flag', BOOL, [])],
      outputs: [info('y', FLOAT, [100])]
    })
    const weights = new Uint8Array(Float32Array.from({ length: 200 }, (_, i) => i).buffer)
    const snapshot = cacheSnapshot(t, { 'model.onnx': writeOnnx(graph), 'data/weights': weights }, 'sharded')
    const model = openGraph({ onnxPath: join(snapshot, 'model.onnx'), modelFolder: snapshot })
    const session = await InferenceSession.create(writeOnnx(model.located(model.graph)), {
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: model.folder } }
    })

    for (const [flag, first] of [
      [true, 0],
      [false, 100]
    ] as const) {
      const { y } = await session.run({ flag: new Tensor('bool', [flag], []) })
      assert.equal(y?.data[0], first)
    }
  })
})

describe('a damaged or foreign data file', () => {
  const DATA = 'model.onnx_data_1'
  const replace = (make: (path: string) => void) => (folder: string) => {
    rmSync(join(folder, DATA))
    make(join(folder, DATA))
  }
  const FAULTS: readonly [string, HeadEntries, (folder: string) => void, RegExp][] = [
    [
      'leaves the folder by ..',
      { location: '../model.onnx_data_1' },
      () => {},
      /"head" of model\.onnx keeps its data in "\.\.\/model\.onnx_data_1", which leaves the model's folder/
    ],
    ['leaves it further down', { location: 'a/../../x' }, () => {}, /leaves the model's folder through "\.\."/],
    ['leaves it by backslashes', { location: 'a\\..\\..\\x' }, () => {}, /leaves the model's folder/],
    ['is an absolute path', { location: '/etc/passwd' }, () => {}, /is an absolute path/],
    ['is on a drive', { location: 'C:weights' }, () => {}, /is an absolute path/],
    ['is a URL', { location: 'https://example.org/weights' }, () => {}, /is a URL/],
    ['has a NUL', { location: 'model\0' }, () => {}, /contains a NUL character/],
    ['has no name', { location: undefined }, () => {}, /names no file/],
    ['has an empty name', { location: '' }, () => {}, /names no file/],
    ['has a name that is too long', { location: 'a'.repeat(300) }, () => {}, /cannot be reached \(ENAMETOOLONG\)/],
    ['is below a file', { location: 'model.onnx_data/x' }, () => {}, /does not exist/],
    ['is the folder itself', { location: '.' }, () => {}, /(?:is a folder instead of a file|outside the model's folder)/],
    [
      'is missing',
      {},
      (folder) => rmSync(join(folder, DATA)),
      /model\.onnx_data_1, where tensor "head" of model\.onnx keeps its data, does not exist: download the model again/
    ],
    ['is a link to nothing', {}, replace((path) => symlinkSync('gone', path)), /is a link to a file that does not exist/],
    ['is a link to itself', {}, replace((path) => symlinkSync(basename(path), path)), /is a link to itself/],
    [
      'is a link out of the folder',
      {},
      replace((path) => symlinkSync('/etc/hostname', path)),
      /is a link to a place outside the model's folder: put the file itself there/
    ],
    ['is a hard link', {}, (folder) => linkSync(join(folder, DATA), join(folder, 'other-name')), /is a hard link: .*put a copy there/],
    ['is a folder', {}, replace((path) => mkdirSync(path)), /is a folder instead of a file/],
    ['is a named pipe', {}, replace((path) => execFileSync('mkfifo', [path])), /is a named pipe instead of a file/],
    ['is a device', {}, replace((path) => symlinkSync('/dev/zero', path)), /outside the model's folder/],
    [
      'is cut off',
      {},
      (folder) => truncateSync(join(folder, DATA), 2047),
      /"head" of model\.onnx lies at bytes 0 to 2048 of model\.onnx_data_1, which has 2047: .*download both again/
    ],
    ['is empty', {}, (folder) => truncateSync(join(folder, DATA), 0), /model\.onnx_data_1 is empty: download it again/],
    [
      'is a Git LFS pointer',
      {},
      (folder) => writeFileSync(join(folder, DATA), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 2048\n'),
      /model\.onnx_data_1 is a Git LFS pointer, not the file itself: run `git lfs pull`/
    ],
    ['begins past its end', { offset: '4096' }, () => {}, /bytes 4096 to 6144 of model\.onnx_data_1, which has 2048/],
    ['begins far past its end', { offset: '999999999999999999' }, () => {}, /which has 2048/],
    ['ends past its end', { offset: '1' }, () => {}, /bytes 1 to 2049/],
    ['has a negative offset', { offset: '-1' }, () => {}, /has an external offset that is not a number of bytes/],
    ['has an offset that is no number', { offset: '0x10' }, () => {}, /external offset/],
    ['has a length that is no number', { length: '2048.5' }, () => {}, /external length/],
    ['is too short for its dims', { length: '2047' }, () => {}, /needs 2048 bytes, \[8, 64\] float32, and its external data has a length of 2047/],
    ['is much too long for its dims', { length: String(2048 + 65_536) }, () => {}, /has a length of 67584/]
  ]
  for (const [what, entries, change, message] of FAULTS) {
    it(`that ${what} is refused before the runtime sees it`, (t) => {
      const folder = tempFolder(t, externalModelFiles(entries))
      change(folder)
      const refusal = refusalOf(() => openGraph({ onnxPath: join(folder, 'model.onnx') }))
      assert.equal(refusal.code, 'model_invalid')
      assert.match(refusal.message, message)
    })
  }

  it('that was linked by another name after the first start loads again', (t) => {
    const folder = tempFolder(t, externalModelFiles())
    linkSync(join(folder, DATA), join(folder, 'backup'))
    const realPaths = Object.fromEntries(MODEL_FILES.map((file) => [file, join(realpathSync(folder), file)]))
    assert.equal(openGraph({ onnxPath: join(folder, 'model.onnx'), realPaths }).files.length, MODEL_FILES.length)
  })

  it('that is a link into the blobs of another model of the cache is refused', (t) => {
    const snapshot = cacheSnapshot(t, externalModelFiles(), 'flat')
    const stranger = join(snapshot, '..', '..', '..', 'models--org--other', 'blobs')
    mkdirSync(stranger, { recursive: true })
    copyFileSync(join(snapshot, DATA), join(stranger, 'blob'))
    rmSync(join(snapshot, DATA))
    symlinkSync(join(stranger, 'blob'), join(snapshot, DATA))
    assert.match(refusalOf(() => openGraph({ onnxPath: join(snapshot, 'model.onnx') })).message, /outside the model's folder and its cache's blobs/)
  })

  it('that is a link up to blobs outside a cache is refused', (t) => {
    const root = tempFolder(t, { ...externalModelFiles({}, 'snapshot/'), 'blobs/one': Buffer.alloc(4096) })
    rmSync(join(root, 'snapshot', DATA))
    symlinkSync('../blobs/one', join(root, 'snapshot', DATA))
    assert.match(refusalOf(() => openGraph({ onnxPath: join(root, 'snapshot', 'model.onnx') })).message, /outside the model's folder/)
  })
})

describe('a damaged or foreign .onnx file', () => {
  const INTACT = inlineModelFile()
  const FILES: readonly [string, string | Uint8Array, RegExp][] = [
    ['empty', '', /^model\.onnx is empty: download it again$/],
    ['zeros alone', Buffer.alloc(10_000), /begins with zeros: its download did not finish/],
    ['a web page', '<!DOCTYPE html>\n<html><head><title>Sign in</title>', /is a web page, not the file itself/],
    ['an error message of a hub', 'Entry not found', /holds a download error message/],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n', /is a Git LFS pointer.*`git lfs pull`/],
    ['a GGUF file', 'GGUF\u0003\0\0\0', /is a GGUF file, but logpr reads ONNX/],
    ['a zip archive', 'PK\u0003\u0004', /is a zip archive/],
    ['a safetensors file', Buffer.concat([Buffer.of(80, 1, 0, 0, 0, 0, 0, 0), Buffer.from('{"a":{"dtype":"F32"}}')]), /is a safetensors file/],
    ['text', 'a model of language\n'.repeat(100), /^model\.onnx is not a readable ONNX file/],
    ['cut off in the middle', INTACT.subarray(0, INTACT.length / 2), /past the end of its message.*download it again/],
    ['cut off at the end', INTACT.subarray(0, -1), /not a readable ONNX file/],
    ['filled up with zeros', Buffer.concat([INTACT, Buffer.alloc(4096)]), /filled up with zeros/]
  ]
  for (const [what, content, message] of FILES) {
    it(`but ${what} is refused`, (t) => {
      const refusal = refusalOf(() => openGraph({ onnxPath: join(tempFolder(t, { 'model.onnx': content }), 'model.onnx') }))
      assert.equal(refusal.code, 'model_invalid')
      assert.match(refusal.message, message)
    })
  }

  it('but a named pipe is refused without waiting for it', (t) => {
    const onnxPath = join(tempFolder(t), 'model.onnx')
    execFileSync('mkfifo', [onnxPath])
    assert.match(refusalOf(() => openGraph({ onnxPath })).message, /^model\.onnx is a named pipe instead of a file/)
  })
})

describe('a tensor with a contradictory declaration', () => {
  const raw = (name: string, dims: readonly (number | bigint)[], dataType: number, bytes: number): Initializer => ({
    ...buildTensor(name, [], dataType, new Uint8Array(0)),
    dims: dims.map(Number),
    value: Buffer.concat([...dims.map((dim) => writeInteger(1, dim)), writeInteger(2, dataType), writeBytes(8, name), writeBytes(9, Buffer.alloc(bytes, 1))])
  })
  const withWeights = (initializers: readonly Initializer[], parts: Partial<Graph> = {}): Graph =>
    graphOf({ nodes: [buildNode('Identity', ['x'], ['y'])], inputs: [info('x')], outputs: [info('y')], initializers, ...parts })
  const branchWith = (tensor: Initializer): Graph =>
    withWeights([], {
      nodes: [
        buildNode('If', ['flag'], ['y'], {
          attributes: {
            then_branch: writeGraph('then', graphOf({ nodes: [buildNode('Identity', ['w'], ['y'])], initializers: [tensor], outputs: [info('y')] }))
          }
        })
      ]
    })

  const FAULTS: readonly [string, Graph, RegExp][] = [
    [
      'has fewer bytes than its dims need',
      withWeights([raw('w', [4, 4], FLOAT, 60)]),
      /^tensor "w" of model\.onnx needs 64 bytes, \[4, 4\] float32, and has 60: .*download it again$/
    ],
    ['is large and has fewer', withWeights([raw('w', [400, 4], FLOAT, 6000)]), /needs 6400 bytes, \[400, 4\] float32, and has 6000/],
    ['has more bytes than its dims need', withWeights([raw('w', [4], 3, 5)]), /needs 4 bytes, \[4\] int8, and has 5/],
    ['has an odd number of 4-bit elements and too few bytes', withWeights([raw('w', [3, 3], 22, 4)]), /needs 5 bytes, \[3, 3\] int4, and has 4/],
    [
      'has no bytes at all',
      withWeights([{ ...raw('w', [4], FLOAT, 0), value: Buffer.concat([writeInteger(1, 4), writeInteger(2, FLOAT), writeBytes(8, 'w')]) }]),
      /and has none/
    ],
    ['has a negative dimension', withWeights([raw('w', [-4, 4], FLOAT, 64)]), /has a negative dimension, \[-4, 4\] float32/],
    ['has dims whose product overflows', withWeights([raw('w', [2n ** 32n, 2n ** 32n], FLOAT, 64)]), /would take 73786976294838206464 bytes/],
    ['has dims whose product is 0 in 64 bits', withWeights([raw('w', [2n ** 62n, 4n], 3, 0)]), /would take 18446744073709551616 bytes/],
    ['has the name of another', withWeights([raw('w', [1], FLOAT, 4), raw('v', [1], FLOAT, 4), raw('w', [1], FLOAT, 4)]), /^model\.onnx has tensor "w" twice/],
    ['is in a branch and too short', branchWith(raw('w', [4], FLOAT, 8)), /^tensor "w" \(branch of y\/If\) of model\.onnx needs 16 bytes/],
    ['is in a branch, with data elsewhere', branchWith(externalTensor('w', [4], FLOAT, { location: '../w' })), /keeps its data in "\.\.\/w"/],
    [
      'is a constant of a function, with data elsewhere',
      withWeights([], {
        functions: [
          Buffer.concat([
            writeBytes(1, 'F'),
            writeBytes(7, writeBytes(5, [writeBytes(1, 'value'), writeBytes(5, externalTensor('c', [4], FLOAT, { location: '/c' }).value as Uint8Array)]))
          ])
        ]
      }),
      /keeps its data in "\/c", which is an absolute path/
    ]
  ]
  for (const [what, graph, message] of FAULTS) {
    it(`because it ${what} is refused`, (t) => {
      const refusal = refusalOf(() => openGraph({ onnxPath: join(tempFolder(t, { 'model.onnx': writeOnnx(graph) }), 'model.onnx') }))
      assert.equal(refusal.code, 'model_invalid')
      assert.match(refusal.message, message)
    })
  }

  it('loads 4-bit, 2-bit, block-quantized, empty and typed tensors', (t) => {
    const typed = Buffer.concat([writeInteger(1, 2), writeInteger(2, FLOAT), writeBytes(8, 'typed'), writeBytes(4, Buffer.alloc(8))])
    const graph = withWeights([
      raw('nibbles', [3, 3], 21, 5),
      raw('pairs', [5], 26, 2),
      raw('blocks', [16, 2, 16], 2, 512),
      raw('nothing', [0, 2n ** 40n], FLOAT, 0),
      raw('scalar', [], FLOAT, 4),
      { ...raw('typed', [2], FLOAT, 8), value: typed }
    ])
    assert.equal(openGraph({ onnxPath: join(tempFolder(t, { 'model.onnx': writeOnnx(graph) }), 'model.onnx') }).graph.initializers.length, 6)
  })
})
