import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A holder shows this often that it lives. */
const HEARTBEAT_MS = 3000
/** A holder that did not for so long is gone: several heartbeats, and slow network file systems. */
const STALE_MS = 20_000
const POLL_MS = 200

/**
 * Holds a lock file until the returned function is called. A holder of this host whose process has ended is replaced at once, any other once it shows no
 * life for 20 s. The lock only saves work: who takes it wrongly writes the same bytes to the same places, and both check them.
 */
export async function lockFile(path: string, signal: AbortSignal, onWait: () => void): Promise<() => Promise<void>> {
  const mine = `${hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`
  await mkdir(dirname(path), { recursive: true })
  for (let hasWaited = false; !(await created(path, mine)); hasWaited = true) {
    if (await tookAway(path)) continue
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

/** Removes the lock of a holder that is gone. */
async function tookAway(path: string): Promise<boolean> {
  const holder = await contentOf(path)
  const found = await stat(path).catch(() => null)
  if (holder === null || found === null) return true
  if (Date.now() - found.mtimeMs < STALE_MS && !hasEnded(holder)) return false
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  // Of several that rename one name, one succeeds; it may have met the lock of a new holder, and puts that back.
  await rename(path, aside).catch(() => {})
  const taken = await contentOf(aside)
  if (taken !== null && taken !== holder) await created(path, taken)
  await unlink(aside).catch(() => {})
  return true
}

function hasEnded(holder: string): boolean {
  const [host, pid] = holder.split(' ')
  // An empty file is one that is being written.
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
