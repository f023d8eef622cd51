import { readFileSync } from 'node:fs'

/**
 * Bytes that this process holds for itself, all of its threads included. On Linux without mapped files; elsewhere the
 * resident set.
 */
export function privateBytes(): number {
  return privateBytesIn(statusOfProcess()) ?? process.memoryUsage.rss()
}

/** RssAnon of a /proc/PID/status; null without such a line. */
export function privateBytesIn(status: string): number | null {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]
  return kibibytes === undefined ? null : Number(kibibytes) * 1024
}

function statusOfProcess(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    // Not Linux.
    return ''
  }
}
