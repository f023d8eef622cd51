/**
 * 32-bit FNV-1a over token ids, one step per token. The engine process computes it from the ids it fed to the model,
 * the front process from those it sent: a difference reveals scores of other tokens.
 */
export const NO_TOKENS = 0x811c9dc5 | 0

/** Extends the checksum of a run of tokens by the next one. */
export function withToken(checksum: number, id: number): number {
  return Math.imul(checksum ^ id, 0x01000193)
}

export function idsChecksum(ids: Int32Array): number {
  let checksum = NO_TOKENS
  for (const id of ids) checksum = withToken(checksum, id)
  return checksum
}

/** The part of a sequence that decides what each of its rows scores. */
interface RowRequest {
  readonly ids: Int32Array
  readonly firstScored: number
  readonly targets?: Int32Array
  readonly lastTokenCandidates?: Int32Array
}

/** (R,) per row of a sequence the checksum of the tokens it sees, followed by the token scored there. */
export function rowChecksums({ ids, firstScored, targets, lastTokenCandidates = NONE }: RowRequest): Int32Array {
  const ownRows = ids.length - firstScored
  const checksums = new Int32Array(ownRows + lastTokenCandidates.length)
  let seen = idsChecksum(ids.subarray(0, firstScored))
  for (let row = 0; row < ownRows; row++) {
    const id = ids[firstScored + row]!
    checksums[row] = withToken(seen, targets === undefined ? id : targets[row]!)
    // Last-token candidates are scored in the row of the last token, which does not see that token.
    if (row < ownRows - 1) seen = withToken(seen, id)
  }
  lastTokenCandidates.forEach((id, i) => {
    checksums[ownRows + i] = withToken(seen, id)
  })
  return checksums
}

const NONE = new Int32Array(0)
