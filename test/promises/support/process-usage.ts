import { readdirSync, readFileSync } from 'node:fs'
import { processMemory } from '../../../bench/support/process-memory.ts'

/** What a process holds at one moment, from /proc. */
export interface ProcessUsage {
  /** Resident memory: anonymous pages and file pages. */
  readonly residentBytes: number
  readonly descriptors: number
  readonly threads: number
}

export function usageOf(pid: number): ProcessUsage {
  const memory = processMemory(pid)
  if (memory === null) throw new Error(`process ${pid} has ended, or this system has no /proc`)
  const threads = /^Threads:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    residentBytes: memory.anonymousBytes + memory.fileBytes,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: Number(threads)
  }
}
