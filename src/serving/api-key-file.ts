import { readFileSync, statSync } from 'node:fs'
import type { Logger } from 'pino'
import { type ApiKey, ApiKeys, parseApiKeys } from '../config/api-keys.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'

/**
 * How often the file is checked for a change. Polling also sees a file that is replaced through a link, as Kubernetes
 * replaces secrets. `fs.watchFile` misses a change before its first look, which comes later than the file is read.
 */
const CHECK_MS = 1000

export interface WatchedApiKeys {
  readonly keys: ApiKeys
  stop(): void
}

/**
 * The keys in the file at `path`, which follow its changes, and SIGHUP. A new file that is not valid changes nothing:
 * it is logged, and the old keys stay. An empty `path` means that no key is required. Throws `configuration_invalid`.
 */
export function watchApiKeys(path: string, log: Logger): WatchedApiKeys {
  if (path === '') return { keys: new ApiKeys([]), stop: () => {} }
  let version = versionOf(path)
  const keys = new ApiKeys(readKeys(path))
  log.info({ keys: keys.count }, 'API keys read')
  const reload = (): void => {
    version = versionOf(path)
    try {
      keys.replace(readKeys(path))
      log.info({ keys: keys.count }, 'API keys read again')
    } catch (error) {
      log.error({ keys: keys.count, reason: serviceErrorFrom(error).message }, 'the changed API key file is invalid, the old keys stay')
    }
  }
  const timer = setInterval(() => {
    if (versionOf(path) !== version) reload()
  }, CHECK_MS).unref()
  process.on('SIGHUP', reload)
  return {
    keys,
    stop() {
      clearInterval(timer)
      process.off('SIGHUP', reload)
    }
  }
}

/** Differs once the file has changed: its identity, size and time, or why it cannot be seen. */
function versionOf(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true })
    return [ino, size, mtimeNs].join()
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

function readKeys(path: string): ApiKey[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ServiceError('configuration_invalid', `the API key file ${path} cannot be read: check that it exists and that this user may read it`, {
      cause: error
    })
  }
  return parseApiKeys(text, `the API key file ${path}`)
}
