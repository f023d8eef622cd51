import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'

const MIN_KEY_CHARACTERS = 16

/**
 * The SHA-256 hashes of the keys in an API key file. A line is a key or `sha256:HEX`; blank lines and lines that begin
 * with # are ignored. Throws `configuration_invalid` with the line, never the key, and for a file without keys, which
 * would open the service to everyone.
 */
export function parseApiKeys(text: string): Buffer[] {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }))
  const hashes = lines
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      if (line.startsWith('sha256:')) {
        const digits = line.slice('sha256:'.length)
        if (!/^[0-9a-f]{64}$/i.test(digits))
          throw new ServiceError('configuration_invalid', `line ${number} of the API key file: sha256: must be followed by 64 hexadecimal digits`)
        return Buffer.from(digits, 'hex')
      }
      if (line.length < MIN_KEY_CHARACTERS)
        throw new ServiceError('configuration_invalid', `line ${number} of the API key file: a key needs at least ${MIN_KEY_CHARACTERS} characters`)
      return hashOfKey(line)
    })
  if (hashes.length === 0)
    throw new ServiceError('configuration_invalid', 'the API key file has no key; add one per line, or omit --api-keys-file to serve everyone')
  return hashes
}

export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
