/**
 * For places where a missing value means a fault of this service: a fallback there would give one sequence the numbers of
 * another. Imports nothing, so that everything may import it.
 */

/** The element at `index`. Throws RangeError when there is none. */
export function elementAt<T>(list: ArrayLike<T>, index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError(`nothing stands at index ${index} of a list of ${list.length}: report it`)
  return value
}

/** The value of `key`. Throws RangeError, without the key, which may be a text of a request, when there is none. */
export function entryOf<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key)
  if (value === undefined) throw new RangeError(`a map of ${map.size} has no entry for a key that it was made with: report it`)
  return value
}
