import { type Check, check } from '../checks/check.ts'
import { type LossDiagnosis, toleranceOf } from './conventions.ts'
import { isTrained, type Reason } from './labels.ts'

/** The mask of one example, as `mask_sanity` sees it. */
export interface MaskInfo {
  readonly tokenCount: number
  readonly reasons: readonly Reason[]
  /** Completion and end tokens that a row predicts. */
  readonly trainedTokens: number
  /** Whether the completion tokens spell exactly the text to train; null if it was sent as ids. */
  readonly spellsCompletion: boolean | null
  /** Control tokens in the completion that the request did not ask for. */
  readonly strayControlTokens: number
}

/** `mask_sanity`. `value` is the number of trained tokens. Independent if their bytes were compared with text. */
export function maskSanityCheck({ tokenCount, reasons, trainedTokens, spellsCompletion, strayControlTokens }: MaskInfo): Check {
  const finding = { independent: spellsCompletion !== null, value: trainedTokens }
  if (reasons.length !== tokenCount)
    return check('mask_sanity', 'fail', `the mask has ${reasons.length} entries for ${tokenCount} tokens, which is a bug in logpr`, finding)
  if (!reasons.some(isTrained))
    return check('mask_sanity', 'fail', 'no completion token is trained, so the mean loss is 0/0, which a training run prints as NaN or 0', finding)
  if (reasons.findIndex(isTrained) === 0)
    return check('mask_sanity', 'warn', 'the first trained token is the first of the sequence, which no row predicts, so the loss leaves it out', finding)
  if (strayControlTokens > 0)
    return check('mask_sanity', 'warn', `${strayControlTokens} control tokens in the completion are trained as if they were text`, finding)
  if (spellsCompletion === false)
    return check(
      'mask_sanity',
      'warn',
      'the trained tokens do not spell the text to train exactly: a token at its ends also contains masked text, or a normalizer changed the text',
      finding
    )
  const spelling = spellsCompletion === null ? '' : ' and spell the text to train exactly'
  return check('mask_sanity', 'pass', `all ${trainedTokens} trained tokens are predicted by a row${spelling}`, finding)
}

/** `loss_convention`. `value` is the reported loss less the mean loss of the request, nats. */
export function lossConventionCheck(diagnosis: LossDiagnosis | null, lossMean: number | null): Check {
  if (diagnosis === null) return check('loss_convention', 'skipped', 'the request has no reported_loss')
  const finding = lossMean === null ? { independent: true } : { independent: true, value: diagnosis.value - lossMean, tolerance: toleranceOf(lossMean) }
  if (diagnosis.verdict === 'expected')
    return check('loss_convention', 'pass', 'the reported loss is the mean over the trained tokens of this example', finding)
  const [match] = diagnosis.conventions
  const message =
    match === undefined
      ? 'no known convention gives the reported loss for this example; the run used other weights, another text, or the mean of several examples'
      : `the reported loss is not the mean over the trained tokens; it matches the ${match.message}`
  return check('loss_convention', 'warn', message, finding)
}
