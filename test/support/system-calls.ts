import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Why system calls cannot be recorded here; false if they can. For the `skip` of a test. */
export const WITHOUT_STRACE: string | false =
  spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0 ? false : 'strace is not installed or may not trace'

/**
 * A launcher that records what a process and its children open, connect to and send. With -D the traced process, not
 * strace, is the child of the caller, so signals reach it.
 */
export const recordedTo = (file: string): readonly string[] => [
  'strace',
  '-D',
  '-f',
  '-qq',
  '-s',
  '256',
  '-e',
  'trace=network,openat,open,creat,mkdir',
  '-o',
  file
]

export interface SystemCalls {
  /** Each path once that was opened, also if it does not exist. */
  readonly opened: readonly string[]
  /** Addresses of other machines, and DNS servers: `connect` and `sendto` to anything but loopback and Unix sockets. */
  readonly remote: readonly string[]
}

/** Of a whole record, or of what was recorded after its first `skipped` characters. */
export function readSystemCalls(file: string, skipped = 0): SystemCalls {
  const lines = readFileSync(file, 'utf8').slice(skipped).split('\n')
  const opened = lines.flatMap((line) => /(?:openat\(AT_FDCWD, |open\(|creat\(|mkdir\()"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? [])
  const sent = lines.filter((line) => /(?:connect|sendto|sendmsg|sendmmsg)\(/.test(line))
  const remote = sent.flatMap((line) => /inet_addr\("([\d.]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(line)?.slice(1) ?? []).filter(isRemote)
  return { opened: [...new Set(opened)], remote: [...new Set(remote)] }
}

function isRemote(address: string | undefined): address is string {
  return address !== undefined && !address.startsWith('127.') && !/^::1$|^::ffff:127\./.test(address)
}
