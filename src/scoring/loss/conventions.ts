/**
 * Finds the way of averaging, masking or shifting that turns one example into the loss that a training run printed
 * (`loss_convention`).
 */

/** A convention explains a loss within this relative difference or, for values near 0, this absolute one. */
const CONVENTION_TOLERANCE = { relative: 1e-3, nats: 1e-6 } as const

/** -log p of the tokens of one example, nats, grouped by their role. */
export interface ExampleLosses {
  /** Trained tokens in order, except end tokens. */
  readonly completion: readonly number[]
  /** End tokens, trained or not, in the sequence or scored after it. */
  readonly ends: readonly number[]
  readonly endsAreTrained: boolean
  /** Whether the end tokens are in the sequence, as when a chat template writes them. */
  readonly endsAreInSequence: boolean
  /** All other tokens that a row predicts. */
  readonly given: readonly number[]
  readonly promptLossWeight: number
  /** Loss of each trained token without shifted labels: row i scored on token i. Null if not computed. */
  readonly notShifted: readonly number[] | null
  /** With labels shifted by the data and again by the model: row i scored on token i + 2. Null if not computed. */
  readonly shiftedTwice: readonly number[] | null
}

export interface Convention {
  readonly convention: string
  /** The loss that a run with this convention prints for this example. */
  readonly value: number
  /** What the run computed, as a noun phrase, and what to do about it. */
  readonly message: string
}

/** All conventions that are defined for the example. The first one is what the request asks for. */
export function conventionsOf(losses: ExampleLosses): Convention[] {
  const { completion, ends, given, endsAreTrained, endsAreInSequence, promptLossWeight: w } = losses
  const trained = endsAreTrained ? [...completion, ...ends] : completion
  const whole = [...given, ...completion, ...(endsAreInSequence ? ends : [])]
  const otherTrained = endsAreTrained ? completion : [...completion, ...ends]
  const otherWhole = endsAreInSequence ? [...given, ...completion] : [...given, ...completion, ...ends]
  const withEos = { code: 'with_eos', words: 'with the end token' }
  const withoutEos = { code: 'without_eos', words: 'without the end token' }
  const other = endsAreTrained ? withoutEos : withEos
  const otherInWhole = endsAreInSequence ? withoutEos : withEos
  const weighted = (sum(trained) + w * sum(given)) / (trained.length + w * given.length)

  const found: (readonly [string, number, string])[] = [
    ...(w > 0
      ? [
          [
            'prompt_loss_weight_mean',
            weighted,
            `mean over the completion and, with weight ${w}, the prompt: the value that a run with this prompt loss weight should report`
          ] as const
        ]
      : []),
    [
      'completion_mean',
      mean(trained),
      w > 0
        ? 'mean over the completion: the run ignored the prompt loss weight'
        : 'mean over the trained tokens: the value that supervised fine-tuning should report; for a single example it is also the per-example mean'
    ],
    ['full_sequence_mean', mean(whole), 'mean over prompt and completion: the prompt was not masked; check that the labels of the prompt are -100'],
    ['completion_sum', sum(trained), 'sum over the trained tokens: divide it by their number'],
    ['full_sequence_sum', sum(whole), 'sum over prompt and completion: the prompt was not masked and the sum was not divided'],
    [
      'completion_sum_over_all_tokens',
      trained.length === 0 ? Number.NaN : sum(trained) / whole.length,
      'sum over the trained tokens, divided by the number of all tokens: the mean counts masked tokens'
    ],
    ...(ends.length === 0
      ? []
      : ([
          [`completion_mean_${other.code}`, mean(otherTrained), `mean over the trained tokens ${other.words}`],
          [`completion_sum_${other.code}`, sum(otherTrained), `sum over the trained tokens ${other.words}`],
          [`full_sequence_mean_${otherInWhole.code}`, mean(otherWhole), `mean over prompt and completion ${otherInWhole.words}: the prompt was not masked`],
          [
            `full_sequence_sum_${otherInWhole.code}`,
            sum(otherWhole),
            `sum over prompt and completion ${otherInWhole.words}: the prompt was not masked and the sum was not divided`
          ]
        ] as const)),
    [
      'completion_mean_without_first_token',
      mean(trained.slice(1)),
      'mean over the trained tokens except the first: the boundary token was masked, or the mask begins one token late'
    ],
    [
      'labels_not_shifted',
      mean(losses.notShifted ?? []),
      'loss with labels that are not shifted: each row was scored on its input token instead of the next one, so the model learns to copy'
    ],
    [
      'labels_shifted_twice',
      mean(losses.shiftedTwice ?? []),
      'loss with labels that are shifted twice: each row was scored on the token after the next; shift in the data or in the model, not in both'
    ],
    ['completion_mean_bits', mean(trained) / Math.LN2, 'mean over the trained tokens, in bits instead of nats'],
    ['full_sequence_mean_bits', mean(whole) / Math.LN2, 'mean over prompt and completion, in bits instead of nats: the prompt was not masked']
  ]
  const isDefined = ([convention, value]: readonly [string, number, string]): boolean =>
    Number.isFinite(value) && (trained.length > 0 || !convention.startsWith('completion'))
  return found.filter(isDefined).map(([convention, value, message]) => ({ convention, value, message }))
}

interface ConventionMatch extends Convention {
  /** reported - value, nats. */
  readonly difference: number
}

export interface LossDiagnosis {
  /** The reported loss. */
  readonly value: number
  /**
   * `expected`: the convention of the request explains the loss; `other_convention`: another one does; `unexplained`:
   * none.
   */
  readonly verdict: 'expected' | 'other_convention' | 'unexplained'
  /** All that explain the loss, closest first. */
  readonly conventions: readonly ConventionMatch[]
  /** The closest convention if none explains the loss. */
  readonly nearest?: ConventionMatch
}

/** Compares a reported loss with every convention. `expected` is the code of the convention of the request. */
export function diagnoseLoss(reported: number, conventions: readonly Convention[], expected: string): LossDiagnosis {
  const byDistance = conventions
    .map(({ convention, value, message }) => ({ convention, value, difference: reported - value, message }))
    .sort((a, b) => Math.abs(a.difference) - Math.abs(b.difference))
  const matches = byDistance.filter(({ value, difference }) => Math.abs(difference) <= toleranceOf(value))
  const verdict = matches.length === 0 ? 'unexplained' : matches.some(({ convention }) => convention === expected) ? 'expected' : 'other_convention'
  const [nearest] = byDistance
  return { value: reported, verdict, conventions: matches, ...(matches.length === 0 && nearest !== undefined ? { nearest } : {}) }
}

export function toleranceOf(value: number): number {
  return Math.max(CONVENTION_TOLERANCE.relative * Math.abs(value), CONVENTION_TOLERANCE.nats)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** NaN for an empty list. */
function mean(values: readonly number[]): number {
  return sum(values) / values.length
}
