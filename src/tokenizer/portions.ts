/** Some 10 to 20 ms of work: little enough that nobody waits long behind it, enough that the messages cost nothing beside it. */
const PORTION_UNITS = 16_384

/** Cuts a list of texts into runs of at most so many UTF-16 units together, or of one longer text. */
export function* portions(texts: readonly string[], mostUnits = PORTION_UNITS): Generator<readonly string[]> {
  let first = 0
  let units = 0
  for (const [i, { length }] of texts.entries()) {
    if (i > first && units + length > mostUnits) {
      yield texts.slice(first, i)
      first = i
      units = 0
    }
    units += length
  }
  if (first < texts.length) yield texts.slice(first)
}
