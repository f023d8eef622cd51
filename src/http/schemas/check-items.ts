import { arrayOf, boolean, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

export const CHECK_ITEMS = arrayOf(
  objectOf({
    id: string('Id of the check; docs/reference/checks.md explains each.'),
    status: oneOfWords(['pass', 'warn', 'fail', 'skipped']),
    independent: boolean('true: the check compared two separately computed values; false: it only guards the bookkeeping of logpr.'),
    value: nullable(number()),
    tolerance: nullable(number()),
    message: string('The finding; when the check did not pass, also likely causes and fixes.')
  })
)

/** The verdict is the worst status of all checks; skipped checks do not count. */
export const CHECKS = objectOf({ verdict: oneOfWords(['pass', 'warn', 'fail']), items: CHECK_ITEMS })
