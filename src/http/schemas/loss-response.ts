import { CHECKS } from './check-items.ts'
import { arrayOf, boolean, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'

const TOKEN = named(
  'LossToken',
  objectOf(
    {
      id: integer('Token id.'),
      text: string('Text of the token; bytes of an incomplete character appear as U+FFFD.'),
      bytes: string('Bytes of the token in base64, exact even when a character spans tokens.'),
      part: oneOfWords(['prefix', 'x', 'y', 'eos'], 'y and eos are trained; prefix and x are masked.'),
      label: integer('The token id to predict, or -100 when the token is masked.'),
      reason: oneOfWords(
        ['prompt', 'masked', 'completion', 'bos', 'eos', 'template', 'straddle'],
        'Why the token is trained or masked; docs/guides/loss.md explains each.'
      ),
      weight: number('Weight of the token in the loss.'),
      log_prob: nullable(number('In nats; null for the first token of the sequence.')),
      loss: number('weight * -log_prob, in nats; 0 when masked.'),
      grad_norm: number('Norm of the gradient of the loss with respect to the logits of this position; 0 when masked.')
    },
    {},
    'A token of the training example.'
  )
)

const CONVENTION = named(
  'LossConvention',
  objectOf(
    {
      convention: string('Stable name of the convention; docs/guides/loss.md lists all.'),
      value: number('The loss that this convention gives.'),
      difference: number('reported_loss - value.'),
      message: string('What the convention computes.')
    },
    {},
    'A way in which training code computes the loss of an example.'
  )
)

const FINDING = named(
  'LossFinding',
  objectOf(
    {
      code: string('Stable name of the finding; docs/guides/loss.md lists all.'),
      severity: oneOfWords(
        ['error', 'warning', 'note'],
        'error: nothing is learned; warning: something unintended is learned; note: a choice that may be intended.'
      ),
      message: string('What is wrong and what to do.')
    },
    {},
    'A problem in the mask of the example.'
  )
)

const REPORTED_LOSS = named(
  'ReportedLoss',
  objectOf(
    {
      value: number('reported_loss of the request.'),
      verdict: oneOfWords(['expected', 'other_convention', 'unexplained'], 'Whether the value is the expected loss, that of another convention, or neither.'),
      conventions: arrayOf(CONVENTION, 'All conventions that give the value, the closest first.')
    },
    { nearest: CONVENTION },
    'The convention that explains reported_loss. When none does, nearest is the closest.'
  )
)

const DIAGNOSIS = named(
  'LossDiagnosis',
  objectOf(
    { summary: string('The finding in one or two sentences.'), findings: arrayOf(FINDING, 'Empty when the mask is as expected.') },
    { reported_loss: REPORTED_LOSS },
    'Problems of the example, and what explains the reported loss.'
  )
)

const FULL_SEQUENCE = named(
  'FullSequenceLoss',
  objectOf(
    {
      loss_sum: number('Sum of -log_prob over all tokens, in nats.'),
      loss_mean: nullable(number('loss_sum / tokens; null when no token has a log-probability.')),
      tokens: integer('Number of tokens with a log-probability.')
    },
    {},
    'The loss with no token masked.'
  )
)

const SUMS = named(
  'LossSums',
  objectOf(
    {
      joint: number('Sum over all tokens, in nats.'),
      marginal: nullable(number('Sum over the masked tokens.')),
      conditional: number('Sum over the trained tokens.')
    },
    {},
    'Sums of log-probabilities; for x and y they are log Pr([x, y]), log Pr(x) and log Pr(y | x).'
  )
)

const TOKENS = arrayOf(TOKEN, 'Every token of the example, in order.')

const SUM_FIELDS = {
  loss_sum: number('Sum of loss over all tokens, in nats.'),
  loss_mean: nullable(number('loss_sum / loss_denominator; null when no token is trained.')),
  loss_denominator: number('Sum of the weights: n_y, or n_y + w n_x with prompt_loss_weight w.'),
  trained_tokens: integer('Number of completion and end tokens in the loss.')
}

const EXAMPLE_FIELDS = { ...SUM_FIELDS, full_sequence: FULL_SEQUENCE, log_prob: SUMS, checks: CHECKS, diagnosis: DIAGNOSIS }

const OPTIONAL_FIELDS = {
  log_prob_eos: number('Sum over the trained end tokens; included in conditional and joint.'),
  conditional_on_first_token: boolean('Present when no prefix token precedes the text, so that the first token has no loss.'),
  padding: named(
    'LossPadding',
    objectOf({ left: integer('At the start of the row.'), right: integer('At its end.') }, {}, 'Number of padding tokens of the row that were left out.')
  )
}

const HEAD = { id: string('Id of the response.'), model: RESPONSE_MODEL }

const LOSS_RESPONSE = named(
  'LossResponse',
  objectOf(
    { object: { const: 'loss' }, ...HEAD, tokens: TOKENS, ...EXAMPLE_FIELDS, usage: USAGE, stamp: STAMP },
    OPTIONAL_FIELDS,
    'What supervised fine-tuning would compute for one example.'
  )
)

const RESULT = named(
  'LossResult',
  objectOf({ index: integer('Position of the example.'), ...EXAMPLE_FIELDS }, { tokens: TOKENS, ...OPTIONAL_FIELDS }, 'The loss of an example of a batch.')
)

const LOSS_BATCH_RESPONSE = named(
  'LossBatchResponse',
  objectOf(
    {
      object: { const: 'loss.batch' },
      ...HEAD,
      results: arrayOf(RESULT, 'One result per example, in input order.'),
      ...SUM_FIELDS,
      loss_mean: nullable(number('Mean over the trained tokens of all examples, as transformers computes it; null when no token is trained.')),
      loss_mean_over_examples: nullable(number('Mean of loss_mean over the examples that train a token; null when none does.')),
      trained_examples: integer('Number of examples that train a token.'),
      diagnosis: named(
        'LossBatchDiagnosis',
        objectOf({ summary: string('The findings of all examples in a few sentences.') }, { reported_loss: REPORTED_LOSS }, 'Problems of the batch.')
      ),
      usage: USAGE,
      stamp: STAMP
    },
    {},
    'What supervised fine-tuning would compute for a batch.'
  )
)

/** What answers one example, or a batch. */
export const LOSS_OUTCOME = {
  oneOf: [LOSS_RESPONSE, LOSS_BATCH_RESPONSE],
  discriminator: { propertyName: 'object', mapping: { loss: '#/components/schemas/LossResponse', 'loss.batch': '#/components/schemas/LossBatchResponse' } }
}
