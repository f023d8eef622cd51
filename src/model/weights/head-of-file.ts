import { closeSync, openSync, readSync } from 'node:fs'
import { HEAD_BYTES } from './foreign-file.ts'

/** The first `HEAD_BYTES` bytes of a regular file, or all when it has fewer. */
export function headOf(path: string): Uint8Array {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(HEAD_BYTES)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(descriptor)
  }
}
