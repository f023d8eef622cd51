import { fixedBytes, MODEL_FILES, WEIGHTS } from '../../support/hub/model-files.ts'
import { pulled, QUICK } from '../../support/hub/pulling.ts'
import { leaveIncomplete } from './disk.ts'
import { ALWAYS, again, answer, DATA, DATA_ON_HUB, fine, type HubFault, ID, none, resumed } from './fault.ts'

export const CONTENT_FAULTS: readonly HubFault[] = [
  { name: 'one wrong bit', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'corrupt' }) },
  {
    name: 'one wrong bit in every download',
    end: 'download_corrupt',
    requests: 2,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'corrupt' }, ALWAYS)
  },
  { name: 'wrong bytes left by an earlier pull', ...resumed, plant: (_, settings) => leaveIncomplete(settings, fixedBytes(300_000, 9)) },
  { name: 'more bytes left by an earlier pull than the file has', ...fine, plant: (_, settings) => leaveIncomplete(settings, fixedBytes(700_000, 9)) },
  { name: 'all bytes left by an earlier pull, not yet checked', end: 'right bytes', ...none, plant: (_, settings) => leaveIncomplete(settings, WEIGHTS) },
  { name: 'a body cut short, with a length that agrees', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'shorten', afterBytes: 300_000 }) },
  {
    name: 'a body cut short every time, with a length that agrees',
    end: 'download_corrupt',
    requests: 4,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'shorten', afterBytes: 300_000 }, ALWAYS)
  },
  { name: 'a body that is too long', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'lengthen' }) },
  {
    name: 'the server ignores Range and sends all (200)',
    ...resumed,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, { kind: 'ignore_range' })
    }
  },
  {
    name: 'the server refuses the range (416)',
    ...resumed,
    requests: 3,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, answer(416))
    }
  },
  {
    name: 'the server sends another range',
    ...resumed,
    requests: 3,
    plant(hub) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 })
      hub.plant('storage', DATA, answer(206, { 'content-range': 'bytes 1-4/600000' }, 'abcd'))
    }
  },
  {
    name: 'the storage has another version between two tries (If-Range)',
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
    name: 'the hub serves other content than it listed',
    end: 'download_corrupt',
    requests: 1,
    resumes: false,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, { kind: 'other_etag' })
  }
]
