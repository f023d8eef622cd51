import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ServiceError } from '../errors.ts'

const MIB = 1 << 20

/** Throws `cache_failed` when a folder, or the one it will be made in, has less room than is needed. */
export async function assertRoomFor(bytes: number, folder: string): Promise<void> {
  const free = await freeBytes(folder)
  if (free === null || free >= bytes) return
  throw new ServiceError(
    'cache_failed',
    `${Math.ceil(bytes / MIB)} MiB are to be fetched, and ${folder} has ${Math.floor(free / MIB)} MiB free: make room, or name another folder in HF_HUB_CACHE`
  )
}

async function freeBytes(folder: string): Promise<number | null> {
  const found = await statfs(folder).catch(() => null)
  if (found !== null) return found.bavail * found.bsize
  return dirname(folder) === folder ? null : freeBytes(dirname(folder))
}
