import { Deflate } from 'pako'
import { isSliceOver, nextSlice } from '../event-loop.ts'

/** Bytes that are compressed between two looks at the clock: 2 to 3 ms. */
const PIECE_BYTES = 1 << 16
/** The settings of Python's `zlib.compress(text)`. */
const LEVEL = 6

/**
 * Bytes of a text compressed by zlib at level 6 with its 2 bytes of header and 4 of checksum: the length of Python's
 * `zlib.compress(text)`. Node's own zlib is Chromium's, whose streams have other lengths, which depend on the processor.
 */
export async function zlibSize(text: Uint8Array): Promise<number> {
  const deflate = new Deflate({ level: LEVEL })
  let size = 0
  deflate.onData = (chunk) => {
    size += (chunk as Uint8Array).length
  }
  for (let start = 0; start === 0 || start < text.length; start += PIECE_BYTES) {
    if (isSliceOver()) await nextSlice()
    const end = start + PIECE_BYTES
    deflate.push(text.subarray(start, end), end >= text.length)
  }
  return size
}
