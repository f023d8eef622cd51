import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MODEL_FILES } from '../support/hub/model-files.ts'
import { pulled, quickSettings } from '../support/hub/pulling.ts'
import { startHub } from '../support/hub/server.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { HUB_FAULTS } from './faults/all.ts'
import { ID, WEIGHTS_ETAG } from './faults/fault.ts'

describe('a pull', () => {
  for (const fault of HUB_FAULTS) {
    test(`ends with ${fault.end} after this fault: ${fault.name}`, async (t) => {
      const hub = await startHub(t)
      hub.publish(ID, MODEL_FILES)
      const cacheFolder = tempFolder(t)
      const usual = quickSettings(hub, cacheFolder)
      await fault.plant?.(hub, usual)
      const settings = { ...usual, ...fault.settings?.(usual) }
      const { end, message, events } = await pulled(ID, settings, MODEL_FILES)

      assert.equal(end, fault.end, message)
      const requests = hub.requestsTo('storage', new RegExp(WEIGHTS_ETAG))
      assert.deepEqual([requests.length, requests.some(({ range }) => range !== undefined)], [fault.requests, fault.resumes])
      assert.ok(hub.seen.every(({ host, hasToken }) => host === 'hub' || !hasToken))
      assert.ok(!message.includes('hf_'))
      if (end !== 'right bytes') assert.match(message, /127\.0\.0\.1|HF_HUB_CACHE/)
      // Progress adds up to the total, even when bytes were fetched again.
      const received = events.reduce((sum, event) => sum + (event.kind === 'received' ? event.bytes : event.kind === 'plan' ? event.presentBytes : 0), 0)
      const total = events.find(({ kind }) => kind === 'plan')
      if (end === 'right bytes' && total?.kind === 'plan') assert.equal(received, total.totalBytes)
      // There are only complete blobs, and nothing outside the cache of this repository.
      const left = readdirSync(cacheFolder, { recursive: true, encoding: 'utf8' })
      assert.equal(left.includes(join('models--org--tiny', 'blobs', WEIGHTS_ETAG)), end === 'right bytes')
      assert.deepEqual(
        left.filter((path) => /\.tmp$|\.logpr\.lock$/.test(path) || (end === 'right bytes' && path.endsWith(`${WEIGHTS_ETAG}.logpr.incomplete`))),
        []
      )
    })
  }
})
