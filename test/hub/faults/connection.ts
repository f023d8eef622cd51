import { MODEL_FILES } from '../../support/hub/model-files.ts'
import { pulled, QUICK } from '../../support/hub/pulling.ts'
import { ALWAYS, again, answer, DATA, DATA_ON_HUB, fine, type HubFault, ID, none, resumed } from './fault.ts'

export const CONNECTION_FAULTS: readonly HubFault[] = [
  { name: 'no fault', ...fine },
  { name: 'the connection drops half-way', ...resumed, plant: (hub) => hub.plant('storage', DATA, { kind: 'drop', afterBytes: 300_000 }) },
  {
    name: 'the connection drops three times',
    ...resumed,
    requests: 4,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'drop', afterBytes: 150_000 }, 3)
  },
  {
    name: 'three pulls are interrupted, one after another, then a fourth',
    ...resumed,
    requests: 4,
    async plant(hub, settings) {
      hub.plant('storage', DATA, { kind: 'drop', afterBytes: 150_000 }, 3)
      for (let i = 0; i < 3; i++) await pulled(ID, { ...settings, timing: { ...QUICK, tries: 1 } }, MODEL_FILES)
    }
  },
  {
    name: 'every connection drops after 100 kB, more often than the limit of tries',
    ...resumed,
    requests: 6,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'drop', afterBytes: 110_000 }, 5),
    settings: () => ({ timing: { ...QUICK, tries: 2 } })
  },
  {
    name: 'every connection drops before the first byte',
    end: 'hub_unreachable',
    requests: 4,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'drop', afterBytes: 0 }, ALWAYS)
  },
  {
    name: 'the connection stalls half-way',
    ...resumed,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'stall', afterBytes: 300_000 }),
    settings: () => ({ timing: { ...QUICK, stallTimeoutMs: 1500 } })
  },
  { name: 'nothing listens on the port', end: 'hub_unreachable', ...none, settings: () => ({ endpoint: 'http://127.0.0.1:1' }) },
  { name: '500 twice, then fine', ...fine, plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(500), 2) },
  { name: '503 every time', end: 'hub_unreachable', ...none, plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(503), ALWAYS) },
  { name: '429 with Retry-After: 1', ...fine, plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(429, { 'retry-after': '1' })) },
  {
    name: '429 with Retry-After: an hour',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /revision/, answer(429, { 'retry-after': '3600' }))
  },
  { name: 'the signed storage URL has expired (403)', ...again, plant: (hub) => hub.plant('storage', DATA, answer(403)) }
]
