/**
 * 32-bit FNV-1a over the token ids of a sequence. The engine process computes it from what it was given, the front from
 * what it asked for: scores that belong to another sequence show.
 */
export function idsChecksum(ids: Int32Array): number {
  return continued(0x811c9dc5, ids) >>> 0
}

/** The same over the ids of a sequence and then the lastTokenCandidates of its last token: every token that has a row is in it. */
export function sequenceChecksum({ ids, lastTokenCandidates = NONE }: { readonly ids: Int32Array; readonly lastTokenCandidates?: Int32Array }): number {
  return continued(idsChecksum(ids), lastTokenCandidates) >>> 0
}

const NONE = new Int32Array(0)

function continued(hash: number, ids: Int32Array): number {
  let next = hash
  for (const id of ids) next = Math.imul(next ^ id, 0x01000193)
  return next
}
