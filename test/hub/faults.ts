import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ErrorCode } from '../../src/errors.ts'
import type { HubSettings } from '../../src/hub/settings.ts'
import { fixedBytes, MODEL_FILES, WEIGHTS } from '../support/hub/model-files.ts'
import { pulled, QUICK } from '../support/hub/pulling.ts'
import type { HubServer } from '../support/hub/server.ts'

/** What goes wrong while a model is fetched, and what has to come of it. */
export interface HubFault {
  readonly name: string
  readonly end: 'right bytes' | ErrorCode
  /** Requests for the file of weights, and whether one of them asked for the rest of a file alone. */
  readonly requests: number
  readonly resumes: boolean
  /** Plants the fault; may fetch before. */
  readonly plant?: (hub: HubServer, settings: HubSettings) => unknown
  /** Other settings than the usual. */
  readonly settings?: (usual: HubSettings) => Partial<HubSettings>
}

export const ID = 'org/tiny'
export const WEIGHTS_ETAG = createHash('sha256').update(WEIGHTS).digest('hex')
const ALWAYS = Number.POSITIVE_INFINITY
const DATA = new RegExp(WEIGHTS_ETAG)
const DATA_ON_HUB = /resolve\/.*model\.onnx_data/
const fine = { end: 'right bytes', requests: 1, resumes: false } as const
const again = { end: 'right bytes', requests: 2, resumes: false } as const
const resumed = { end: 'right bytes', requests: 2, resumes: true } as const
const none = { requests: 0, resumes: false } as const
const answer = (status: number, headers: Record<string, string> = {}, body = '') => ({ kind: 'answer', status, headers, body }) as const

const CONNECTION: readonly HubFault[] = [
  { name: 'nothing', ...fine },
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
    name: 'every connection drops after 100 kB, more often than it is tried',
    ...resumed,
    requests: 6,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'drop', afterBytes: 110_000 }, 5),
    settings: () => ({ timing: { ...QUICK, tries: 2 } })
  },
  {
    name: 'every connection drops before a byte',
    end: 'hub_unreachable',
    requests: 4,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, { kind: 'drop', afterBytes: 0 }, ALWAYS)
  },
  { name: 'the connection stalls half-way', ...resumed, plant: (hub) => hub.plant('storage', DATA, { kind: 'stall', afterBytes: 300_000 }) },
  { name: 'nobody listens', end: 'hub_unreachable', ...none, settings: () => ({ endpoint: 'http://127.0.0.1:1' }) },
  { name: '500 twice, then fine', ...fine, plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(500), 2) },
  { name: '503 without end', end: 'hub_unreachable', ...none, plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(503), ALWAYS) },
  { name: '429 with Retry-After: 1', ...fine, plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(429, { 'retry-after': '1' })) },
  {
    name: '429 with Retry-After: an hour',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /revision/, answer(429, { 'retry-after': '3600' }))
  },
  { name: 'the signed address of the storage has expired (403)', ...again, plant: (hub) => hub.plant('storage', DATA, answer(403)) }
]

const REDIRECTS: readonly HubFault[] = [
  {
    name: 'a token is set, and files are on another host',
    ...fine,
    plant: (hub) => close(hub, 'private'),
    settings: () => ({ token: 'hf_secret' })
  },
  { name: 'the repository was renamed (307)', ...fine, plant: (hub) => rename(hub) },
  {
    name: 'redirects in a circle',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(302, { location: '?again' }), ALWAYS)
  },
  {
    name: 'a login page in place of the listing (200, HTML)',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /api/, answer(200, { 'content-type': 'text/html' }, '<html>Log in</html>'), ALWAYS)
  },
  {
    name: 'a listing that is none (200, JSON of another form)',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /tree/, answer(200, { 'content-type': 'application/json' }, '{"message": "hello"}'), ALWAYS)
  },
  {
    name: 'a revision that is none (200, `null`)',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /revision/, answer(200, { 'content-type': 'application/json' }, 'null'), ALWAYS)
  },
  {
    name: 'a login page in place of the file (200, HTML)',
    end: 'hub_unreachable',
    requests: 1,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, answer(200, { 'content-type': 'text/html', 'content-length': '19' }, '<html>Log in</html>'), ALWAYS)
  }
]

const CONTENT: readonly HubFault[] = [
  { name: 'one wrong bit', ...again, plant: (hub) => hub.plant('storage', DATA, { kind: 'corrupt' }) },
  {
    name: 'one wrong bit, in each download',
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
    name: 'the same without end',
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
    name: 'the hub names other content than it listed',
    end: 'download_corrupt',
    requests: 1,
    resumes: false,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, { kind: 'other_etag' })
  }
]

const REFUSALS: readonly HubFault[] = [
  {
    name: 'a private repository, no token (401)',
    end: 'hub_not_found',
    ...none,
    plant: (hub) => close(hub, 'private')
  },
  {
    name: 'a wrong token (401)',
    end: 'hub_refused',
    ...none,
    plant: (hub) => close(hub, 'private'),
    settings: () => ({ token: 'hf_other' })
  },
  {
    name: 'a gated repository, no token (401, GatedRepo)',
    end: 'hub_refused',
    ...none,
    plant: (hub) => close(hub, 'gated')
  },
  {
    name: 'a gated repository whose licence was not accepted (403, GatedRepo)',
    end: 'hub_refused',
    ...none,
    plant: (hub) => hub.plant('hub', /resolve/, answer(403, { 'x-error-code': 'GatedRepo', 'x-error-message': 'not in the authorized list' }), ALWAYS),
    settings: () => ({ token: 'hf_other' })
  },
  { name: 'a repository that was switched off (403)', end: 'hub_refused', ...none, plant: (hub) => hub.plant('hub', /api/, answer(403), ALWAYS) },
  { name: 'no such repository', end: 'hub_not_found', ...none, plant: (hub) => hub.repositories.delete(ID) },
  { name: 'no such branch', end: 'hub_not_found', ...none, plant: (hub) => hub.repositories.get(ID)?.refs.delete('main') },
  {
    name: 'a listed file is gone (404, EntryNotFound)',
    end: 'hub_not_found',
    ...none,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(404, { 'x-error-code': 'EntryNotFound' }), ALWAYS)
  }
]

const DISK: readonly HubFault[] = [
  {
    name: 'the disk is full (write error)',
    end: 'cache_failed',
    requests: 1,
    resumes: false,
    plant(_, settings) {
      mkdirSync(blobs(settings), { recursive: true })
      symlinkSync('/dev/full', join(blobs(settings), `${WEIGHTS_ETAG}.logpr.incomplete`))
    }
  },
  {
    name: 'the disk has not enough room',
    end: 'cache_failed',
    ...none,
    plant(hub) {
      hub.alterListing = (entries) =>
        entries.map((entry) => (entry.path === 'onnx/model.onnx_data' ? { ...entry, size: 2 ** 52, lfs: { oid: WEIGHTS_ETAG, size: 2 ** 52 } } : entry))
    }
  },
  {
    name: 'the cache is not a folder',
    end: 'cache_failed',
    ...none,
    plant: (_, { cacheFolder }) => writeFileSync(join(cacheFolder, 'file'), ''),
    settings: ({ cacheFolder }) => ({ cacheFolder: join(cacheFolder, 'file') })
  },
  ...['../../../outside', '/etc/outside', 'a/../../b', 'a\\b', 'C:b', 'a//b'].map(
    (path): HubFault => ({
      name: `the listing has a file \`${path}\``,
      end: 'model_invalid',
      ...none,
      plant(hub) {
        hub.alterListing = (entries) => [...entries, { type: 'file', oid: '0'.repeat(40), size: 1, path }]
      }
    })
  ),
  {
    name: 'the listing has a hash `../../x`',
    end: 'model_invalid',
    ...none,
    plant(hub) {
      hub.alterListing = (entries) => entries.map((entry) => ({ ...entry, oid: '../../x' }))
    }
  }
]

export const HUB_FAULTS: readonly HubFault[] = [...CONNECTION, ...REDIRECTS, ...CONTENT, ...REFUSALS, ...DISK]

/** The same repository for holders of a token. */
function close(hub: HubServer, access: 'private' | 'gated'): void {
  hub.repositories.delete(ID)
  hub.publish(ID, MODEL_FILES, { access, token: 'hf_secret' })
}

function rename(hub: HubServer): void {
  const repository = hub.repositories.get(ID)
  if (repository === undefined) return
  hub.repositories.set('org/new-name', { ...repository, id: 'org/new-name' })
  hub.moved.set(ID, 'org/new-name')
}

function blobs(settings: HubSettings): string {
  return join(settings.cacheFolder, 'models--org--tiny', 'blobs')
}

function leaveIncomplete(settings: HubSettings, content: Uint8Array): void {
  mkdirSync(blobs(settings), { recursive: true })
  writeFileSync(join(blobs(settings), `${WEIGHTS_ETAG}.logpr.incomplete`), content)
}
