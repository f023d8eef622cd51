import type { PeerPosition } from '../peer/read-answer.ts'

/**
 * How far a mean difference may go, as a share of the tolerance of one token: rounding has no favourite sign and few
 * large values, while wrong rows move many tokens.
 */
const MEAN_SHARE = 0.25
/** A mean over fewer positions says nothing. */
const MIN_FOR_MEAN = 8
/** Rounding moves probable tokens less than others: its error grows with the distance from the largest logit. */
const TOP_SHARE = 0.5

export interface Difference {
  /** Positions with two values. */
  readonly compared: number
  /** In nats. */
  readonly largest: number
  /** What is wrong; null when the values agree within the tolerance. Names the sides `first` and `second`. */
  readonly fault: string | null
}

/**
 * Compares two lists of scores from their first position on, as far as both go. `tolerance` is in nats: of one token,
 * and of a mean a quarter of it.
 */
export function compareScores(
  first: readonly PeerPosition[],
  second: readonly PeerPosition[],
  { tolerance, names: [firstName, secondName] }: { readonly tolerance: number; readonly names: readonly [string, string] }
): Difference {
  const length = Math.min(first.length, second.length)
  const rows = Array.from({ length }, (_, i) => ({ i, a: first[i], b: second[i] }))
  const other = rows.find(({ a, b }) => !isSameToken(a, b))
  if (other !== undefined) return { compared: 0, largest: 0, fault: `the tokens differ from position ${other.i} on (${firstName}, ${secondName})` }
  const pairs = rows.flatMap(({ i, a, b }) => {
    const [x, y] = [a?.logProb ?? null, b?.logProb ?? null]
    return x === null || y === null || !Number.isFinite(x) || !Number.isFinite(y) ? [] : [{ i, x, y, difference: Math.abs(x - y) }]
  })
  const [start] = pairs
  if (start === undefined) return { compared: 0, largest: 0, fault: null }
  const worst = pairs.reduce((found, pair) => (pair.difference > found.difference ? pair : found), start)
  const mean = pairs.reduce((sum, { difference }) => sum + difference, 0) / pairs.length
  const over = pairs.filter(({ difference }) => difference > tolerance)
  const meanLimit = tolerance * MEAN_SHARE
  const isMeanOver = pairs.length >= MIN_FOR_MEAN && mean > meanLimit
  const values = `position ${worst.i}: ${nats(worst.x)} ${firstName}, ${nats(worst.y)} ${secondName}`
  const fault =
    over.length > 0
      ? `${values}; ${over.length} of ${pairs.length} positions differ by more than ${tolerance} nats, the first at position ${over[0]?.i}`
      : isMeanOver
        ? `${values}; the mean difference of ${pairs.length} positions is ${mean.toFixed(3)} nats, more than ${meanLimit}`
        : null
  return { compared: pairs.length, largest: worst.difference, fault }
}

/** Whether two positions can be the same token: servers name tokens by id in one list, by text in another. */
export function isSameToken(a: PeerPosition | undefined, b: PeerPosition | undefined): boolean {
  if (a === undefined || b === undefined) return false
  if (a.id !== null && b.id !== null) return a.id === b.id
  return a.token === null || b.token === null || a.token === b.token
}

function nats(value: number): string {
  return value.toFixed(4)
}

/**
 * Compares the top tokens of two distributions that should be equal: their maxima, and the values of the tokens that
 * both name. Ties may order tokens differently. They
 * may differ by half the tolerance.
 */
export function compareTops(
  first: PeerPosition,
  second: PeerPosition,
  { tolerance, names: [firstName, secondName] }: { readonly tolerance: number; readonly names: readonly [string, string] }
): Difference {
  const [ours, theirs] = [topOf(first), topOf(second)]
  if (ours.size === 0 || theirs.size === 0) return { compared: 0, largest: 0, fault: null }
  const maxima = [Math.max(...ours.values()), Math.max(...theirs.values())] as const
  const pairs = [
    { name: 'the top token', x: maxima[0], y: maxima[1] },
    ...[...ours].flatMap(([name, x]) => {
      const y = theirs.get(name)
      return y === undefined ? [] : [{ name: `token ${JSON.stringify(name)}`, x, y }]
    })
  ].map((pair) => ({ ...pair, difference: Math.abs(pair.x - pair.y) }))
  const worst = pairs.reduce((found, pair) => (pair.difference > found.difference ? pair : found))
  const areDisjoint = pairs.length === 1 && ours.size >= 3 && theirs.size >= 3
  const fault = areDisjoint
    ? `the two lists of top tokens have no token in common (${firstName}, ${secondName})`
    : worst.difference > tolerance * TOP_SHARE
      ? `${worst.name}: ${nats(worst.x)} ${firstName}, ${nats(worst.y)} ${secondName}`
      : null
  return { compared: pairs.length, largest: worst.difference, fault }
}

/** By id where the server names ids. */
function topOf({ top }: PeerPosition): Map<string, number> {
  const finite = (top ?? []).filter(({ logProb }) => Number.isFinite(logProb))
  return new Map(finite.map(({ id, token, logProb }) => [id === null ? (token ?? '') : `id ${id}`, logProb]))
}
