/**
 * 32-bit FNV-1a over token ids. The engine process computes it from the sequence it received, the front process from
 * the one it sent: a difference reveals scores of another sequence.
 */
export function idsChecksum(ids: Int32Array): number {
  return continued(0x811c9dc5, ids) >>> 0
}

/** The same over the ids of a sequence and then its last-token candidates, so that every scored token is covered. */
export function sequenceChecksum({ ids, lastTokenCandidates = NONE }: { readonly ids: Int32Array; readonly lastTokenCandidates?: Int32Array }): number {
  return continued(idsChecksum(ids), lastTokenCandidates) >>> 0
}

const NONE = new Int32Array(0)

function continued(hash: number, ids: Int32Array): number {
  let next = hash
  for (const id of ids) next = Math.imul(next ^ id, 0x01000193)
  return next
}
