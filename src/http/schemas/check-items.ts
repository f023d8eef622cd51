import { arrayOf, boolean, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

const FIELDS = {
  id: string('Id of the check; docs/reference/checks.md explains each.'),
  status: oneOfWords(['pass', 'warn', 'fail', 'skipped'], 'skipped: the check does not apply here.'),
  independent: boolean('true: the check compared two separately computed values; false: it only guards the bookkeeping of logpr.'),
  value: nullable(number('The value that was compared; null when the finding is not a number.')),
  tolerance: nullable(number('Largest accepted value; null when the check has none.')),
  message: string('The finding; when the check did not pass, also likely causes and fixes.')
}

export const VERDICT = oneOfWords(['pass', 'warn', 'fail'], 'The worst status of all checks; skipped checks do not count.')
export const CHECK_ITEMS = arrayOf(named('Check', objectOf(FIELDS, {}, 'One check and what it found.')))
export const CHECKS = named(
  'Checks',
  objectOf({ verdict: VERDICT, items: CHECK_ITEMS }, {}, 'Whether the scores can be trusted, and the checks behind that verdict.')
)

export const CHOICE_CHECKS = named(
  'ChoiceChecks',
  objectOf(
    {
      verdict: VERDICT,
      items: arrayOf(
        named('ChoiceCheck', objectOf({ ...FIELDS, choice: integer('Index of the first choice that it concerns.') }, {}, 'A check that did not pass.')),
        'The checks that did not pass, each for the first choice that it concerns.'
      )
    },
    {},
    'Whether the scores of all choices can be trusted.'
  )
)

export const WARNINGS = arrayOf(
  named(
    'ScoreWarning',
    objectOf(
      { code: string('Stable name of the warning.'), message: string('What happened and what to do about it.') },
      {},
      'Something unexpected that did not prevent the scoring.'
    )
  ),
  'Empty when there is nothing unexpected.'
)
