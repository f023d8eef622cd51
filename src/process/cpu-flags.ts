import { readFileSync } from 'node:fs'

/** What Linux says of the processor in /proc/cpuinfo; empty elsewhere. */
export function cpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}

/** The features that /proc/cpuinfo lists, separated by spaces: `flags` on x86, `Features` on ARM; empty when it lists none. */
export function cpuFlags(cpuInfo: string): string {
  return /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim() ?? ''
}
