/** White space as Unicode's property White_Space has it, in texts and in the UTF-8 bytes of tokens. */

const WHITE_SPACE = /^\p{White_Space}+$/u
/** Characters of White_Space have 1 to 3 bytes. */
const MAX_BYTES = 3

export function isWhiteSpace(text: string): boolean {
  return WHITE_SPACE.test(text)
}

export function isAllWhiteSpace(bytes: Uint8Array): boolean {
  return WHITE_SPACE.test(Buffer.from(bytes).toString('utf8'))
}

export function beginsWithWhiteSpace(bytes: Uint8Array): boolean {
  const [first] = bytes
  if (first === undefined) return false
  if (first < 0x80) return isAllWhiteSpace(bytes.subarray(0, 1))
  // Without its other bytes, a character decodes to U+FFFD, which is none.
  return [2, MAX_BYTES].some((length) => bytes.length >= length && isAllWhiteSpace(bytes.subarray(0, length)))
}

export function endsWithWhiteSpace(bytes: Uint8Array): boolean {
  return [1, 2, MAX_BYTES].some((length) => bytes.length >= length && isAllWhiteSpace(bytes.subarray(bytes.length - length)))
}
