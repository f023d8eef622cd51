/**
 * For every byte the index of the character that it belongs to, when the bytes are decoded as UTF-8 with U+FFFD for
 * what is no character: (n + 1,), where the last entry counts the characters. Follows the WHATWG decoder, as Node does:
 * the longest beginning of a character that breaks off is one U+FFFD.
 */
export function codePointIndices(bytes: Uint8Array): Int32Array {
  const indices = new Int32Array(bytes.length + 1)
  let at = 0
  let count = 0
  while (at < bytes.length) {
    const end = at + characterLength(bytes, at)
    indices.fill(count, at, end)
    at = end
    count++
  }
  indices[bytes.length] = count
  return indices
}

/** Bytes of the character, or of the broken one, that begins at a byte. Table 3-7 of the Unicode Standard. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  const expected = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
  let length = 1
  while (length < expected) {
    const byte = bytes[at + length]
    const [lowest, highest] = length === 1 ? secondByteRange(lead) : [0x80, 0xbf]
    if (byte === undefined || byte < lowest || byte > highest) break
    length++
  }
  return length
}

function secondByteRange(lead: number): readonly [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf]
  if (lead === 0xed) return [0x80, 0x9f]
  if (lead === 0xf0) return [0x90, 0xbf]
  if (lead === 0xf4) return [0x80, 0x8f]
  return [0x80, 0xbf]
}
