import { CHECKS } from './checks.ts'
import { arrayOf, boolean, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { STAMP, USAGE } from './logprob-response.ts'

const TOKEN = objectOf({
  id: integer(),
  text: string(),
  bytes: string('base64, exact where a character spans tokens.'),
  part: oneOfWords(['prefix', 'x', 'y', 'eos'], 'y and eos are trained, x is not.'),
  label: integer('The id, or -100 where the token is masked.'),
  reason: oneOfWords(['prompt', 'completion', 'bos', 'eos', 'template', 'straddle']),
  weight: number(),
  log_prob: nullable(number('Nats; null for the first token of the sequence.')),
  loss: number('weight * -log_prob, nats; 0 where masked.'),
  grad_norm: number('Norm of the gradient of loss at the logits of its row; 0 where masked.')
})

const CONVENTION = objectOf({
  convention: string('A name that does not change; docs/loss.md lists them.'),
  value: number('What a run that counts so would print.'),
  difference: number('reported_loss - value.'),
  message: string()
})

const DIAGNOSIS = objectOf(
  {
    summary: string(),
    findings: arrayOf(objectOf({ code: string(), severity: oneOfWords(['error', 'warning', 'note']), message: string() }))
  },
  {
    reported_loss: objectOf(
      {
        value: number(),
        verdict: oneOfWords(['expected', 'other_convention', 'unexplained']),
        conventions: arrayOf(CONVENTION, 'All that give the value, the closest first.')
      },
      { nearest: CONVENTION }
    )
  }
)

export const LOSS_RESPONSE = objectOf(
  {
    object: { const: 'loss' },
    id: string(),
    model: string(),
    tokens: arrayOf(TOKEN),
    loss_sum: number('Sum of loss over the tokens, nats.'),
    loss_mean: nullable(number('loss_sum / loss_denominator; null when nothing is trained.')),
    loss_denominator: number('Sum of the weights: n_y, or n_y + w n_x.'),
    trained_tokens: integer('Completion and end tokens in the loss.'),
    full_sequence: objectOf({ loss_sum: number(), loss_mean: nullable(number()), tokens: integer() }, {}, 'As if nothing were masked.'),
    log_prob: objectOf(
      {
        joint: number('Sum over all tokens, nats.'),
        marginal: nullable(number('Sum over the tokens that are not trained.')),
        conditional: number('Sum over the trained tokens.')
      },
      {},
      'For x and y these are log Pr([x, y]), log Pr(x) and log Pr(y | x).'
    ),
    checks: CHECKS,
    diagnosis: DIAGNOSIS,
    usage: USAGE,
    stamp: STAMP
  },
  { log_prob_eos: number('Sum over the trained end tokens; part of conditional and joint.'), conditional_on_first_token: boolean() }
)
