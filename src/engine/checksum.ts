/**
 * 32-bit FNV-1a over the token ids of a sequence. The engine process computes it from what it was given, the front from
 * what it asked for: scores that belong to another sequence show.
 */
export function idsChecksum(ids: Int32Array): number {
  let hash = 0x811c9dc5
  for (const id of ids) hash = Math.imul(hash ^ id, 0x01000193)
  return hash >>> 0
}
