import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A holder updates the lock file at this interval. */
const HEARTBEAT_MS = 3000
/** A lock without an update for so long is stale: several heartbeats, plus slow network file systems. */
const STALE_MS = 20_000
const POLL_MS = 200

/**
 * Holds a lock file until the returned function is called. A lock of an ended process on this host is taken over at
 * once, any other after 20 s without a heartbeat. The lock only saves work: a process that takes it wrongly writes the
 * same bytes to the same places, and both verify them.
 */
export async function lockFile(path: string, signal: AbortSignal, onWait: () => void): Promise<() => Promise<void>> {
  const mine = `${hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`
  await mkdir(dirname(path), { recursive: true })
  for (let hasWaited = false; !(await created(path, mine)); hasWaited = true) {
    if (await removedStale(path)) continue
    if (!hasWaited) onWait()
    await pause(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS)
  heartbeat.unref()
  return async () => {
    clearInterval(heartbeat)
    if ((await contentOf(path)) === mine) await unlink(path).catch(() => {})
  }
}

async function created(path: string, content: string): Promise<boolean> {
  return writeFile(path, content, { flag: 'wx' }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    }
  )
}

/** Removes a stale lock; false when its holder is alive. */
async function removedStale(path: string): Promise<boolean> {
  const holder = await contentOf(path)
  const found = await stat(path).catch(() => null)
  if (holder === null || found === null) return true
  if (Date.now() - found.mtimeMs < STALE_MS && !hasEnded(holder)) return false
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  // Only one process succeeds in renaming. If it took the lock of a new holder, it restores it.
  await rename(path, aside).catch(() => {})
  const taken = await contentOf(aside)
  if (taken !== null && taken !== holder) await created(path, taken)
  await unlink(aside).catch(() => {})
  return true
}

function hasEnded(holder: string): boolean {
  const [host, pid] = holder.split(' ')
  // An empty file is still being written by its holder.
  if (host !== hostname() || pid === undefined) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

async function contentOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null)
}
