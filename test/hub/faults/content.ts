import { fixedBytes, MODEL_FILES, WEIGHTS } from '../../support/hub/model-files.ts'
import { pulled, QUICK } from '../../support/hub/pulling.ts'
import { leaveIncomplete } from './disk.ts'
import { ALWAYS, again, answer, DATA, DATA_ON_HUB, fine, type HubFault, ID, none, resumed } from './fault.ts'

export const CONTENT_FAULTS: readonly HubFault[] = [
  { name: 'one flipped bit', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'corrupt' }) },
  {
    name: 'one flipped bit in every download',
    end: 'download_corrupt',
    requests: 2,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'corrupt' }, ALWAYS)
  },
  { name: 'an earlier pull left wrong bytes', ...resumed, plant: (_, settings) => leaveIncomplete(settings, fixedBytes(300_000, 9)) },
  { name: 'an earlier pull left more bytes than the file has', ...fine, plant: (_, settings) => leaveIncomplete(settings, fixedBytes(700_000, 9)) },
  { name: 'an earlier pull left all bytes, not yet verified', end: 'right bytes', ...none, plant: (_, settings) => leaveIncomplete(settings, WEIGHTS) },
  { name: 'a truncated body with a matching Content-Length', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'shorten', afterBytes: 300_000 }) },
  {
    name: 'the same in every download',
    end: 'download_corrupt',
    requests: 4,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'shorten', afterBytes: 300_000 }, ALWAYS)
  },
  { name: 'a body that is too long', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'lengthen' }) },
  {
    name: 'the server ignores Range and sends the whole file (200)',
    ...resumed,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, { kind: 'ignore_range' })
    }
  },
  {
    name: 'the server rejects the range (416)',
    ...resumed,
    requests: 3,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, answer(416))
    }
  },
  {
    name: 'the server sends a different range',
    ...resumed,
    requests: 3,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, answer(206, { 'content-range': 'bytes 1-4/600000' }, 'abcd'))
    }
  },
  {
    name: 'the stored file changes between two attempts (If-Range)',
    ...resumed,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, { kind: 'other_etag' })
    }
  },
  {
    name: 'the branch moves between two pulls',
    ...fine,
    async plant(hub, settings) {
      hub.publish(ID, { ...MODEL_FILES, 'onnx/model.onnx_data': fixedBytes(600_000, 5) })
      hub.plant('storage', /./, { kind: 'drop', afterBytes: 300_000 }, ALWAYS)
      await pulled(ID, { ...settings, timing: { ...QUICK, tries: 1 } }, MODEL_FILES)
      hub.heal()
      hub.publish(ID, MODEL_FILES)
    }
  },
  {
    name: 'the hub announces different content than it listed',
    end: 'download_corrupt',
    requests: 1,
    resumes: false,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, { kind: 'other_etag' })
  }
]
