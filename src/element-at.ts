/**
 * Lookups whose missing value would be a bug of logpr. A fallback value there could give one sequence the scores of
 * another. This module imports nothing, so that every module may import it.
 */

/** Throws RangeError when there is no element at `index`. */
export function elementAt<T>(list: ArrayLike<T>, index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError(`no element at index ${index} of a list of ${list.length}; this is a bug of logpr, please report it`)
  return value
}

/**
 * The value of `key`. Throws RangeError when there is none; its message omits the key, which may be text of a request.
 */
export function entryOf<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key)
  if (value === undefined) throw new RangeError(`no entry for a key of a map of ${map.size}; this is a bug of logpr, please report it`)
  return value
}
