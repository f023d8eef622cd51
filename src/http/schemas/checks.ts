import { arrayOf, boolean, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

export const CHECK_ITEMS = arrayOf(
  objectOf({
    id: string('docs/reference/checks.md explains each.'),
    status: oneOfWords(['pass', 'warn', 'fail', 'skipped']),
    independent: boolean('Whether two separately gained numbers were compared.'),
    value: nullable(number()),
    tolerance: nullable(number()),
    message: string('What was found; where it does not pass also the likely causes, in order, and what to do.')
  })
)

/** Checks with their verdict: the worst status, where skipped counts as nothing. */
export const CHECKS = objectOf({ verdict: oneOfWords(['pass', 'warn', 'fail']), items: CHECK_ITEMS })
