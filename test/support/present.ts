import assert from 'node:assert/strict'

/** The value, which has to be there: a comparison with what stands in for a missing one would prove nothing. */
export function present<T>(value: T, what = 'a value'): NonNullable<T> {
  if (value === undefined || value === null) assert.fail(`${what} is missing: it is ${value}`)
  return value
}
