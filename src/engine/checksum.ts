/**
 * 32-bit FNV-1a over token ids, a step a token. The engine process computes it from the ids that it fed, the front from
 * those that it asked for: scores that belong to other tokens show.
 */
export const NO_TOKENS = 0x811c9dc5 | 0

/** The checksum of some tokens and one more behind them. */
export function withToken(checksum: number, id: number): number {
  return Math.imul(checksum ^ id, 0x01000193)
}

export function idsChecksum(ids: Int32Array): number {
  let checksum = NO_TOKENS
  for (const id of ids) checksum = withToken(checksum, id)
  return checksum
}

/** What the rows of a sequence have to be made from. */
interface AskedRows {
  readonly ids: Int32Array
  readonly firstScored: number
  readonly targets?: Int32Array
  readonly lastTokenCandidates?: Int32Array
}

/** (R,) for each row of a sequence the checksum of the tokens that it sees and of the one scored in it. */
export function rowChecksums({ ids, firstScored, targets, lastTokenCandidates = NONE }: AskedRows): Int32Array {
  const ownRows = ids.length - firstScored
  const checksums = new Int32Array(ownRows + lastTokenCandidates.length)
  let seen = idsChecksum(ids.subarray(0, firstScored))
  for (let row = 0; row < ownRows; row++) {
    const id = ids[firstScored + row]!
    checksums[row] = withToken(seen, targets === undefined ? id : targets[row]!)
    // Alternatives are scored in the row of the last token, which does not see that token.
    if (row < ownRows - 1) seen = withToken(seen, id)
  }
  lastTokenCandidates.forEach((id, i) => {
    checksums[ownRows + i] = withToken(seen, id)
  })
  return checksums
}

const NONE = new Int32Array(0)
