import { type Check, check } from '../checks/check.ts'
import { type LossDiagnosis, toleranceOf } from './conventions.ts'
import { isTrained, type Reason } from './labels.ts'

/** What is known of a mask. */
export interface MaskInfo {
  readonly tokenCount: number
  readonly reasons: readonly Reason[]
  /** Completion and end tokens that a row predicts. */
  readonly trainedTokens: number
  /** Whether the completion tokens spell exactly the text that is to be trained; null when it was sent as ids. */
  readonly spellsCompletion: boolean | null
  /** Control tokens among the completion tokens that nobody asked for. */
  readonly strayControlTokens: number
}

/**
 * `mask_sanity`: the tokens in the loss are the ones that are meant to be. `independent` where their bytes were
 * compared with the text that was sent; `value` is how many tokens are trained.
 */
export function maskSanityCheck({ tokenCount, reasons, trainedTokens, spellsCompletion, strayControlTokens }: MaskInfo): Check {
  const finding = { independent: spellsCompletion !== null, value: trainedTokens }
  if (reasons.length !== tokenCount) return check('mask_sanity', 'fail', `the mask has ${reasons.length} entries for ${tokenCount} tokens: report it`, finding)
  if (!reasons.some(isTrained))
    return check(
      'mask_sanity',
      'fail',
      'no completion token is trained: with the prompt masked the mean loss is 0/0, which a training run prints as NaN or 0',
      finding
    )
  if (reasons.findIndex(isTrained) === 0)
    return check('mask_sanity', 'warn', 'the first trained token is the first of the sequence, which no row predicts: it is left out of the loss', finding)
  if (strayControlTokens > 0)
    return check('mask_sanity', 'warn', `${strayControlTokens} control tokens stand inside the completion and are trained as if they were text`, finding)
  if (spellsCompletion === false)
    return check(
      'mask_sanity',
      'warn',
      'the trained tokens do not spell exactly the text to be trained: tokens at its ends are shared with masked text, or a normalizer changed it',
      finding
    )
  const what = spellsCompletion === null ? 'as sent' : 'and spell exactly the text to be trained'
  return check('mask_sanity', 'pass', `the ${trainedTokens} trained tokens come after a given one ${what}`, finding)
}

/** `loss_convention`: the reported loss is the one that the request's convention gives. `value` is their difference. */
export function lossConventionCheck(diagnosis: LossDiagnosis | null, lossMean: number | null): Check {
  if (diagnosis === null) return check('loss_convention', 'skipped', 'no reported_loss was sent')
  const finding = lossMean === null ? { independent: true } : { independent: true, value: diagnosis.value - lossMean, tolerance: toleranceOf(lossMean) }
  if (diagnosis.verdict === 'expected')
    return check('loss_convention', 'pass', 'the reported loss is the mean over the trained tokens of this example', finding)
  const [match] = diagnosis.conventions
  const message =
    match === undefined
      ? 'no known convention gives the reported loss for this example: other weights, another text, or the mean of several examples'
      : `the reported loss is another number than the mean over the trained tokens: ${match.message}`
  return check('loss_convention', 'warn', message, finding)
}
