import { fork } from 'node:child_process'
import { extname } from 'node:path'
import type { ProcessMemory } from './support/process-memory.ts'
import { watchAnonymous } from './support/process-memory.ts'

export type LoadVariant = 'bare' | 'logpr'
export interface LoadReport {
  readonly loadMs: number
  readonly base: ProcessMemory
  readonly loaded: ProcessMemory
  readonly scored: ProcessMemory
}

export async function loadOnce(folder: string, variant: LoadVariant): Promise<LoadReport & { readonly peakAnonymousBytes: number }> {
  const child = fork(new URL(`./support/load-process${extname(import.meta.url)}`, import.meta.url), [folder, variant])
  const watch = watchAnonymous(child.pid ?? 0)
  return new Promise((resolve, reject) => {
    child.once('message', (report: LoadReport) => resolve({ ...report, peakAnonymousBytes: watch.stop() }))
    child.once('exit', (code) => {
      watch.stop()
      reject(new Error(`loading by ${variant} ended with exit code ${code} and no answer`))
    })
  })
}
