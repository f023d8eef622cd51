import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { locateHubModel, pullReference } from '../../src/hub/locate-hub-model.ts'
import type { PullEvent } from '../../src/hub/pull-progress.ts'
import type { HubSettings } from '../../src/hub/settings.ts'
import { hubReference } from '../../src/model/model-reference.ts'
import { readChatTemplates } from '../../src/tokenizer/chat/chat-template-files.ts'
import { fixedBytes, graphWithData, MODEL_FILES, NEEDED } from '../support/hub/model-files.ts'
import { pulled, quickSettings } from '../support/hub/pulling.ts'
import type { FileContents } from '../support/hub/repository.ts'
import { type HubServer, startHub } from '../support/hub/server.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'

const ID = 'org/tiny'
const never = new AbortController().signal

interface Place {
  readonly hub: HubServer
  readonly settings: HubSettings
  readonly commit: string
}

async function place(t: TestContext, contents: FileContents = MODEL_FILES): Promise<Place> {
  const hub = await startHub(t)
  const commit = hub.publish(ID, contents)
  return { hub, commit, settings: quickSettings(hub, tempFolder(t)) }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !lstatSync(join(folder, name)).isDirectory())
    .sort()

describe('a pull', () => {
  test('fetches only the files that the dtype needs, as relative links to blobs', async (t) => {
    const { settings, commit } = await place(t)
    const { model } = await pulled(ID, settings, MODEL_FILES)
    const folder = present(model?.folder)

    assert.deepEqual(filesIn(folder), [...NEEDED].sort())
    assert.match(readlinkSync(join(folder, 'onnx', 'model.onnx')), /^\.\.\/\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/)
    assert.match(readlinkSync(join(folder, 'config.json')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/)
    assert.equal(readFileSync(join(settings.cacheFolder, 'models--org--tiny', 'refs', 'main'), 'utf8'), commit)
    assert.deepEqual([model?.id, model?.revision], [ID, commit])
  })

  test('reports the size before fetching, and adds another dtype without fetching the rest again', async (t) => {
    const { settings } = await place(t)
    const first = await pulled(ID, settings, MODEL_FILES)
    const second = await pulled(ID, { ...settings, dtype: 'q4' }, MODEL_FILES, [...NEEDED, 'onnx/model_q4.onnx'])
    const [plan] = second.events

    assert.equal(first.events[0]?.kind, 'plan')
    assert.equal(second.end, 'right bytes')
    assert.ok(plan?.kind === 'plan' && plan.dtype === 'q4' && plan.presentBytes > 0 && plan.presentBytes < plan.totalBytes)
  })

  test('fetches the data files that the graph names, with any names', async (t) => {
    const { settings } = await place(t, {
      'config.json': '{}',
      'tokenizer.json': '{}',
      'model.onnx': graphWithData('weights/all.bin'),
      'model.onnx_data': 'left over',
      'weights/all.bin': fixedBytes(600_000)
    })
    const { end, model, events } = await pulled(ID, settings, {}, [])

    assert.equal(end, 'right bytes')
    assert.deepEqual(filesIn(present(model?.folder)), ['config.json', 'model.onnx', 'tokenizer.json', 'weights/all.bin'])
    assert.equal(events.filter(({ kind }) => kind === 'plan').length, 2)
  })

  test('fetches the named chat templates, which the model then has', async (t) => {
    const templates = {
      'chat_template.jinja': 'default',
      'additional_chat_templates/rag.jinja': '{{ documents }}',
      'additional_chat_templates/tool_use.jinja': '{{ tools }}'
    }
    const { settings } = await place(t, { ...MODEL_FILES, ...templates, 'additional_chat_templates/notes.txt': 'no template' })
    const { end, model } = await pulled(ID, settings, templates, [])

    assert.equal(end, 'right bytes')
    const found = readChatTemplates(present(model?.folder), { chat_template: 'in tokenizer_config.json' })
    assert.deepEqual([...found], [...Object.entries({ default: 'default', rag: '{{ documents }}', tool_use: '{{ tools }}' })])
    assert.ok(!filesIn(present(model?.folder)).includes('additional_chat_templates/notes.txt'))
  })

  for (const [location, said] of [
    ['../outside.bin', /outside its folder/],
    ['absent.bin', /model\.onnx names absent\.bin, which the repository does not have/]
  ] as const) {
    test(`refuses a graph whose weights are in ${location}`, async (t) => {
      const { settings } = await place(t, { 'config.json': '{}', 'tokenizer.json': '{}', 'model.onnx': graphWithData(location) })
      const { end, message } = await pulled(ID, settings, {}, [])
      assert.equal(end, 'model_invalid')
      assert.match(message, said)
    })
  }

  test('fetches one folder of a repository, with the graph that genai_config.json names', async (t) => {
    const { settings } = await place(t, {
      'README.md': '',
      'cpu/int4/config.json': '{}',
      'cpu/int4/genai_config.json': '{"model": {"decoder": {"filename": "phi.onnx"}}}',
      'cpu/int4/tokenizer.json': '{}',
      'cpu/int4/a-other.onnx': graphWithData('a.data'),
      'cpu/int4/phi.onnx': graphWithData('phi.onnx.data'),
      'cpu/int4/phi.onnx.data': fixedBytes(600_000),
      'cuda/fp16/model.onnx': 'x'
    })
    const { end, model } = await pulled(`${ID}/cpu/int4`, settings, {}, [])

    assert.equal(end, 'right bytes')
    assert.deepEqual(filesIn(present(model?.folder)), ['config.json', 'genai_config.json', 'phi.onnx', 'phi.onnx.data', 'tokenizer.json'])
    assert.equal(model?.id, `${ID}/cpu/int4`)
    const whole = await pulled(ID, settings, {}, [])
    assert.match(whole.message, /its graphs are in cpu\/int4, cuda\/fp16: add the folder to the id/)
    const wrong = await pulled(`${ID}/gpu`, settings, {}, [])
    assert.match(wrong.message, /has no files; check the folder/)
  })

  test('fetches a file again when its cached content is wrong', async (t) => {
    const { settings } = await place(t)
    const { model } = await pulled(ID, settings, MODEL_FILES)
    const data = join(present(model?.folder), 'onnx', 'model.onnx_data')
    const wrong = readFileSync(data)
    wrong[5]! ^= 1
    writeFileSync(data, wrong)

    assert.equal((await pulled(ID, settings, MODEL_FILES)).end, 'right bytes')
  })

  test('uses blobs that Python keeps as links to a shared store', async (t) => {
    const { hub, settings } = await place(t)
    await pulled(ID, settings, MODEL_FILES)
    const blobs = join(settings.cacheFolder, 'models--org--tiny', 'blobs')
    mkdirSync(join(settings.cacheFolder, 'blobs', 'ab'), { recursive: true })
    for (const name of readdirSync(blobs)) {
      renameSync(join(blobs, name), join(settings.cacheFolder, 'blobs', 'ab', name))
      symlinkSync(join('..', '..', 'blobs', 'ab', name), join(blobs, name))
    }
    hub.heal()

    assert.equal((await pulled(ID, settings, MODEL_FILES)).end, 'right bytes')
    assert.deepEqual(hub.requestsTo('storage'), [])
  })

  test('keeps the branch on the old commit until the new one is complete', async (t) => {
    const { hub, settings, commit } = await place(t)
    await pulled(ID, settings, MODEL_FILES)
    hub.publish(ID, { ...MODEL_FILES, 'onnx/model.onnx_data': fixedBytes(600_000, 7) })
    hub.plant('storage', /./, { kind: 'drop', afterBytes: 0 }, Number.POSITIVE_INFINITY)

    assert.equal((await pulled(ID, settings, MODEL_FILES)).end, 'hub_unreachable')
    assert.equal((await locateHubModel(hubReference(ID), { ...settings, isOffline: true }, () => {})).revision, commit)
  })
})

describe('locateHubModel', () => {
  test('sends no request for a commit that is complete in the cache', async (t) => {
    const { hub, settings, commit } = await place(t)
    const first = await locateHubModel(hubReference(`${ID}@${commit}`), settings, () => {})
    hub.heal()
    assert.deepEqual(await locateHubModel(hubReference(`${ID}@${commit}`), settings, () => {}), first)
    assert.equal(hub.seen.length, 0)
  })

  test('fetches the new commit of a branch that has moved', async (t) => {
    const { hub, settings } = await place(t)
    await locateHubModel(hubReference(ID), settings, () => {})
    const next = hub.publish(ID, { ...MODEL_FILES, 'config.json': '{"vocab_size": 5}' })
    assert.equal((await locateHubModel(hubReference(ID), settings, () => {})).revision, next)
  })

  test('fetches a branch whose name has slashes', async (t) => {
    const { hub, settings } = await place(t)
    const commit = hub.publish(ID, { ...MODEL_FILES, 'config.json': '{}' }, { branch: 'refs/pr/3' })
    assert.equal((await locateHubModel(hubReference(`${ID}@refs/pr/3`), settings, () => {})).revision, commit)
    assert.equal((await locateHubModel(hubReference(`${ID}@refs/pr/3`), { ...settings, isOffline: true }, () => {})).revision, commit)
  })

  for (const [status, what] of [
    [503, 'cannot be reached'],
    [403, 'refuses']
  ] as const) {
    test(`uses the cached model when the hub ${what}, and says so`, async (t) => {
      const { hub, settings, commit } = await place(t)
      await locateHubModel(hubReference(ID), settings, () => {})
      hub.plant('hub', /./, { kind: 'answer', status }, Number.POSITIVE_INFINITY)
      const events: PullEvent[] = []

      assert.equal((await locateHubModel(hubReference(ID), settings, (event) => events.push(event))).revision, commit)
      assert.equal(events.at(-1)?.kind, 'cached')
      assert.equal(hub.requestsTo('hub').filter(({ path }) => path.includes('revision')).length, 2)
    })
  }

  test('says that both the disk and the hub were tried for an unknown id', async (t) => {
    const { settings } = await place(t)
    await assert.rejects(async () => locateHubModel(hubReference('org/absent'), settings, () => {}), {
      code: 'hub_not_found',
      message: /no such repository.*there is no folder org\/absent either/
    })
  })
})

describe('offline', () => {
  test('sends no request and finds the cached model', async (t) => {
    const { hub, settings } = await place(t)
    const online = await locateHubModel(hubReference(ID), settings, () => {})
    hub.heal()
    const offline = { ...settings, isOffline: true }

    assert.deepEqual(await locateHubModel(hubReference(ID), offline, () => {}), online)
    assert.deepEqual(await pullReference(hubReference(ID), offline, () => {}, never), online)
    assert.equal(hub.seen.length, 0)
  })

  for (const [name, missing, spoil] of [
    ['a revision that was never fetched', /no revision of org\/tiny@main/, (folder: string) => rmSync(join(folder, '..', '..', 'refs'), { recursive: true })],
    ['a tokenizer that is missing', /no tokenizer\.json of/, (folder: string) => rmSync(join(folder, 'tokenizer.json'))],
    [
      'a link to a blob that is gone',
      /no onnx\/model\.onnx_data of/,
      (folder: string) => rmSync(join(folder, '..', '..', 'blobs', readlinkSync(join(folder, 'onnx', 'model.onnx_data')).slice(-64)))
    ],
    ['another dtype than is there', /no model\*\.onnx for dtype q4.*logpr pull org\/tiny --dtype q4/, () => 'q4'],
    [
      "a small file that Python's listing has and the folder has not",
      /no tokenizer_config\.json of/,
      (folder: string) => {
        mkdirSync(join(folder, '..', '..', 'trees'))
        writeFileSync(
          join(folder, '..', '..', 'trees', `${basename(folder)}.json`),
          '{"format_version": 1, "files": {"config.json": {}, "tokenizer_config.json": {}, "README.md": {}}}'
        )
        rmSync(join(folder, 'tokenizer_config.json'))
      }
    ]
  ] as const) {
    test(`names what is missing: ${name}`, async (t) => {
      const { settings } = await place(t)
      const { folder } = await locateHubModel(hubReference(ID), settings, () => {})
      const dtype = spoil(folder) ?? 'auto'
      await assert.rejects(async () => locateHubModel(hubReference(ID), { ...settings, dtype, isOffline: true }, () => {}), {
        code: 'not_in_cache',
        message: missing
      })
    })
  }
})
