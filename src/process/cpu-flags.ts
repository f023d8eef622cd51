import { readFileSync } from 'node:fs'

/** The content of /proc/cpuinfo; empty on systems other than Linux. */
export function cpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}

/**
 * The processor features in /proc/cpuinfo, separated by spaces: `flags` on x86, `Features` on ARM. Empty when there are
 * none.
 */
export function cpuFlags(cpuInfo: string): string {
  return /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim() ?? ''
}
