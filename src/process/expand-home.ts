import { homedir } from 'node:os'
import { join } from 'node:path'

/** `~/models` as the shell would read it. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}
