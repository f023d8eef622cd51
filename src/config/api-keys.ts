import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'

const MIN_KEY_CHARACTERS = 16

/**
 * SHA-256 hashes of the API keys in a key file: one key a line, plain or as `sha256:HEX`; blank lines and lines that
 * begin with # do not count. Throws `configuration_invalid` naming the line, never the key.
 */
export function parseApiKeys(text: string): Buffer[] {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }))
  return lines
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      if (line.startsWith('sha256:')) {
        const hash = Buffer.from(line.slice('sha256:'.length), 'hex')
        if (hash.length !== 32)
          throw new ServiceError('configuration_invalid', `line ${number} of the API key file: sha256: must be followed by 64 hexadecimal digits`)
        return hash
      }
      if (line.length < MIN_KEY_CHARACTERS)
        throw new ServiceError('configuration_invalid', `line ${number} of the API key file: a key needs at least ${MIN_KEY_CHARACTERS} characters`)
      return hashOfKey(line)
    })
}

export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
