/**
 * The same cache for logpr and Python's huggingface_hub, with Python's own code on the other side. Needs interpreters
 * that have the library: LOGPR_HUB_PYTHONS, separated by colons, or the environment that .ci/run makes.
 */

import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { locateHubModel } from '../../src/hub/locate-hub-model.ts'
import { hubReference } from '../../src/model/model-reference.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { MODEL_FILES, NEEDED } from '../support/hub/model-files.ts'
import { pulled, quickSettings } from '../support/hub/pulling.ts'
import { startHub } from '../support/hub/server.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'

const ID = 'org/tiny'
const run = promisify(execFile)
const sha256 = (content: Uint8Array | string | undefined): string => createHash('sha256').update(present(content)).digest('hex')

/** The version of huggingface_hub of an interpreter; null if it is not installed. */
function libraryVersion(python: string): string | null {
  try {
    return execFileSync(python, ['-c', 'import huggingface_hub; print(huggingface_hub.__version__)'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    }).trim()
  } catch {
    return null
  }
}

/** Runs a program that prints JSON with the hub and the cache of the test. */
async function python(interpreter: string, hubUrl: string, cacheFolder: string, program: string): Promise<unknown> {
  const env = {
    PATH: process.env.PATH,
    HF_ENDPOINT: hubUrl,
    HF_HUB_CACHE: cacheFolder,
    HF_HOME: cacheFolder,
    HF_HUB_DISABLE_XET: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1'
  }
  const { stdout } = await run(interpreter, ['-c', `import json, hashlib\nfrom huggingface_hub import *\n${program}`], { env })
  return JSON.parse(stdout)
}

const wanted = process.env.LOGPR_HUB_PYTHONS?.split(':') ?? [join(PACKAGE_FOLDER, '.venv-oracle', 'bin', 'python')]
const interpreters = wanted.map((path) => ({ path, version: libraryVersion(path) }))

for (const { path, version } of interpreters) {
  // Under CI a missing tool is a failure.
  describe(`the cache of huggingface_hub ${version ?? '(not installed)'}`, { skip: version === null && process.env.CI !== 'true' }, () => {
    test('Python finds and reads what logpr downloaded, and downloads nothing', async (t) => {
      const hub = await startHub(t)
      const commit = hub.publish(ID, MODEL_FILES)
      const cacheFolder = tempFolder(t)
      const { end, model } = await pulled(ID, quickSettings(hub, cacheFolder), MODEL_FILES)
      assert.equal(end, 'right bytes')
      hub.heal()

      const found = await python(
        path,
        hub.url,
        cacheFolder,
        `
names = ${JSON.stringify(NEEDED)}
folder = snapshot_download('${ID}', local_files_only=True)
online = [hf_hub_download('${ID}', name) for name in names]
cached = [try_to_load_from_cache('${ID}', name) for name in names]
info = scan_cache_dir()
repo = next(iter(info.repos))
revision = next(iter(repo.revisions))
print(json.dumps({
  'folder': folder, 'same': online == cached, 'hashes': [hashlib.sha256(open(name, 'rb').read()).hexdigest() for name in cached],
  'warnings': len(info.warnings), 'repo': repo.repo_id, 'commit': revision.commit_hash, 'refs': sorted(revision.refs), 'files': revision.nb_files,
}))`
      )
      assert.deepEqual(found, {
        folder: model?.folder,
        same: true,
        hashes: NEEDED.map((name) => sha256(MODEL_FILES[name])),
        warnings: 0,
        repo: ID,
        commit,
        refs: ['main'],
        files: NEEDED.length
      })
      const bodies = hub.seen.filter(({ method, host, path: asked }) => method === 'GET' && (host === 'storage' || asked.includes(ID)))
      assert.deepEqual(bodies, [])
    })

    test('logpr uses what Python downloaded, and downloads nothing', async (t) => {
      const hub = await startHub(t)
      const commit = hub.publish(ID, MODEL_FILES)
      const cacheFolder = tempFolder(t)
      const folder = await python(
        path,
        hub.url,
        cacheFolder,
        `print(json.dumps(snapshot_download('${ID}', allow_patterns=['*.json', 'onnx/model.onnx', 'onnx/model.onnx_data'])))`
      )
      hub.heal()
      const settings = quickSettings(hub, cacheFolder)
      const { end, model } = await pulled(ID, settings, MODEL_FILES)

      assert.deepEqual([end, model?.folder, model?.revision], ['right bytes', folder, commit])
      assert.deepEqual([hub.requestsTo('hub', /resolve/), hub.requestsTo('storage')], [[], []])
      hub.heal()
      const offline = await locateHubModel(hubReference(ID), { ...settings, isOffline: true }, () => {})
      assert.deepEqual([offline.folder, offline.revision, hub.seen.length], [folder, commit, 0])
    })

    test('a concurrent download by Python and logpr is complete for both', async (t) => {
      const hub = await startHub(t)
      hub.publish(ID, MODEL_FILES)
      const cacheFolder = tempFolder(t)
      const [hashes, { end }] = await Promise.all([
        python(
          path,
          hub.url,
          cacheFolder,
          `
folder = snapshot_download('${ID}')
print(json.dumps([hashlib.sha256(open(folder + '/' + name, 'rb').read()).hexdigest() for name in ${JSON.stringify(NEEDED)}]))`
        ),
        pulled(ID, quickSettings(hub, cacheFolder), MODEL_FILES)
      ])
      assert.deepEqual([hashes, end], [NEEDED.map((name) => sha256(MODEL_FILES[name])), 'right bytes'])
    })
  })
}
