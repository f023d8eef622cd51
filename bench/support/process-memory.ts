import { readFileSync } from 'node:fs'

/**
 * Memory of a process in bytes, as Linux counts it. File pages belong to the page cache and can be dropped; anonymous
 * pages cannot.
 */
export interface ProcessMemory {
  readonly anonymousBytes: number
  readonly fileBytes: number
  /** Peak resident memory since the process started, with file pages. */
  readonly peakResidentBytes: number
}

/** Reads /proc/PID/status; null when the process has ended or the system has no /proc. */
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

/** Samples the anonymous memory of a process every few milliseconds until `stop`, which returns the peak in bytes. */
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

/** Child processes of a process, on Linux. */
export function childPids(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
