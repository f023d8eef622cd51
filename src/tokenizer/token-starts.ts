const SPACE = 0x20

/**
 * First byte of each token in the text that the tokens spell, and the length of the text: (n + 1,). Null when they
 * spell another text. A space that a SentencePiece tokenizer puts in front of every text is not part of it.
 */
export function tokenStarts(tokens: readonly Uint8Array[], text: Uint8Array): number[] | null {
  const spelled = Buffer.concat(tokens)
  const hasOwnSpace = spelled.length === text.length + 1 && spelled[0] === SPACE
  if (Buffer.compare(hasOwnSpace ? spelled.subarray(1) : spelled, text) !== 0) return null
  let end = hasOwnSpace ? -1 : 0
  const starts = [0]
  for (const { length } of tokens) {
    end += length
    starts.push(Math.max(0, end))
  }
  return starts
}
