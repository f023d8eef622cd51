import { readFileSync } from 'node:fs'

/** Memory of one process in bytes, as Linux counts it. File pages are shared with the page cache and can be dropped; anonymous ones cannot. */
export interface ProcessMemory {
  readonly anonymousBytes: number
  readonly fileBytes: number
  /** The most that was resident at once since the process began, file pages included. */
  readonly peakResidentBytes: number
}

/** Reads /proc/PID/status; null when the process is gone or the system has none. */
export function processMemory(pid: number | 'self' = 'self'): ProcessMemory | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024
    const memory = { anonymousBytes: field('RssAnon'), fileBytes: field('RssFile'), peakResidentBytes: field('VmHWM') }
    return memory.peakResidentBytes === 0 ? null : memory
  } catch {
    return null
  }
}

/** Samples the anonymous memory of a process every few milliseconds until `stop`, which gives the most that was seen, in bytes. */
export function watchAnonymous(pid: number): { readonly stop: () => number } {
  let most = 0
  const look = (): void => {
    most = Math.max(most, processMemory(pid)?.anonymousBytes ?? 0)
  }
  const timer = setInterval(look, 2)
  return {
    stop() {
      clearInterval(timer)
      look()
      return most
    }
  }
}

/** Processes that a process started, on Linux. */
export function childPids(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
