import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HubSettings } from '../../../src/hub/settings.ts'
import { type HubFault, none, WEIGHTS_ETAG } from './fault.ts'

export const DISK_FAULTS: readonly HubFault[] = [
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
    name: 'the disk has too little space',
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

function blobs(settings: HubSettings): string {
  return join(settings.cacheFolder, 'models--org--tiny', 'blobs')
}

/** Leaves what an interrupted pull of the weights may leave. */
export function leaveIncomplete(settings: HubSettings, content: Uint8Array): void {
  mkdirSync(blobs(settings), { recursive: true })
  writeFileSync(join(blobs(settings), `${WEIGHTS_ETAG}.logpr.incomplete`), content)
}
