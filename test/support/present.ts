import assert from 'node:assert/strict'

/** Returns a value that must not be missing. A fallback would make the assertion on it meaningless. */
export function present<T>(value: T, what = 'a value'): NonNullable<T> {
  if (value === undefined || value === null) assert.fail(`${what} is missing: it is ${value}`)
  return value
}
