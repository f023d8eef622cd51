import { arrayOf, boolean, number, objectOf, string } from './json-schema.ts'

export const CHECK_RESPONSE = objectOf({
  consistent: boolean('Whether the numbers can belong to one model and one (x, y).'),
  violations: arrayOf(
    objectOf({
      rule: string('Which rule is broken; docs/loss.md lists them.'),
      message: string(),
      possible_causes: arrayOf(string(), 'The most frequent first; one that the numbers point to stands in front.')
    })
  ),
  implied: objectOf(
    { conditional: number('joint - marginal, nats.') },
    {
      probability: number('exp(conditional); left out where float64 would have 0 or Infinity.'),
      probability_note: string('Stands in place of such a probability.')
    }
  )
})
