import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type ByteSource, WireError } from './wire.ts'

const WINDOW_BYTES = 1 << 16

/** Runs `use` on a file that is read through one sliding window, so that skipped weights are never read. */
export function withFileSource<T>(path: string, use: (source: ByteSource) => T): T {
  const descriptor = openSync(path, 'r')
  try {
    return use(fileSource(descriptor))
  } finally {
    closeSync(descriptor)
  }
}

function fileSource(descriptor: number): ByteSource {
  const { size } = fstatSync(descriptor)
  let window = new Uint8Array(0)
  let windowStart = 0

  return {
    sizeBytes: size,
    read(offset, length) {
      if (offset + length > size) throw new WireError(`the file has ${size} bytes, but its content continues to byte ${offset + length}`)
      const inWindow = offset >= windowStart && offset + length <= windowStart + window.length
      if (!inWindow) {
        window = readFrom(descriptor, offset, Math.min(Math.max(length, WINDOW_BYTES), size - offset))
        windowStart = offset
      }
      return window.subarray(offset - windowStart, offset - windowStart + length)
    }
  }
}

function readFrom(descriptor: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let filled = 0; filled < length; ) {
    const count = readSync(descriptor, bytes, filled, length - filled, offset + filled)
    if (count === 0) throw new WireError(`the file ends at byte ${offset + filled}`)
    filled += count
  }
  return bytes
}
