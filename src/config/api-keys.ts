import { createHash, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '../errors.ts'

const MIN_KEY_CHARACTERS = 16

/** A key and the client that it belongs to. */
export interface ApiKey {
  /** SHA-256 of the key. */
  readonly hash: Buffer
  /** Keys of one client share their turns and limits: its name, or the hash of its only key. */
  readonly client: string
  /** Own limits of the client; 0 means none, absent means those of the options. */
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
}

/** The keys that are accepted at present. Empty means that no key is required. */
export class ApiKeys {
  #keys: readonly ApiKey[]
  readonly areRequired: boolean

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys
    this.areRequired = keys.length > 0
  }

  get count(): number {
    return this.#keys.length
  }

  /** Compares with every key, so that the time taken reveals nothing. */
  find(key: string): ApiKey | undefined {
    const hash = hashOfKey(key)
    return this.#keys.reduce<ApiKey | undefined>((found, known) => (timingSafeEqual(hash, known.hash) ? known : found), undefined)
  }

  /** Requests that arrive from now on need one of `keys`. */
  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys
  }
}

/**
 * The keys in an API key file. A line is a key or `sha256:HEX`, followed by fields such as `name=team-a`; blank lines
 * and lines that begin with # are ignored. Throws `configuration_invalid` with `name` and every bad line, never a key,
 * and for a file without keys, which would open the service to everyone.
 */
export function parseApiKeys(text: string, name = 'the API key file'): ApiKey[] {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }))
  const keys: { key: ApiKey; number: number }[] = []
  const faults: string[] = []
  for (const { line, number } of lines) {
    if (line === '' || line.startsWith('#')) continue
    try {
      keys.push({ key: parseLine(line), number })
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error
      faults.push(`line ${number}: ${error.message}`)
    }
  }
  for (const [index, { key, number }] of keys.entries()) {
    const other = keys.slice(0, index).find((earlier) => earlier.key.client === key.client)
    if (other !== undefined && (other.key.requestsPerMinute !== key.requestsPerMinute || other.key.tokensPerMinute !== key.tokensPerMinute))
      faults.push(`line ${number}: it has the same name as line ${other.number} but different limits; give both the same ones`)
  }
  if (keys.length === 0 && faults.length === 0) faults.push('it has no key; add one per line, or omit --api-keys-file to serve everyone')
  if (faults.length > 0) throw new ServiceError('configuration_invalid', `${name} is invalid: ${faults.join('; ')}`)
  return keys.map(({ key }) => key)
}

/** What is wrong with a line. */
class KeyFault extends Error {}

function parseLine(line: string): ApiKey {
  const [key = '', ...fields] = line.split(/\s+/)
  const hash = hashOfLine(key)
  let client = hash.toString('base64')
  const limits: { requestsPerMinute?: number; tokensPerMinute?: number } = {}
  for (const field of fields) {
    const [, name, value = ''] = /^(name|requests-per-minute|tokens-per-minute)=(.*)$/.exec(field) ?? []
    if (name === 'name') {
      if (!/^[\w.-]{1,64}$/.test(value)) throw new KeyFault('name must have 1 to 64 letters, digits, ., _ or -')
      client = `name:${value}`
    } else if (name !== undefined) {
      if (!/^\d{1,12}$/.test(value)) throw new KeyFault(`${name} must be a whole number; 0 means no limit`)
      limits[name === 'requests-per-minute' ? 'requestsPerMinute' : 'tokensPerMinute'] = Number(value)
    } else throw new KeyFault('after the key, only the fields name=, requests-per-minute= and tokens-per-minute= are known')
  }
  return { hash, client, ...limits }
}

function hashOfLine(key: string): Buffer {
  if (key.startsWith('sha256:')) {
    const digits = key.slice('sha256:'.length)
    if (!/^[0-9a-f]{64}$/i.test(digits)) throw new KeyFault('sha256: must be followed by 64 hexadecimal digits')
    return Buffer.from(digits, 'hex')
  }
  if (key.length < MIN_KEY_CHARACTERS) throw new KeyFault(`a key needs at least ${MIN_KEY_CHARACTERS} characters`)
  return hashOfKey(key)
}

export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
