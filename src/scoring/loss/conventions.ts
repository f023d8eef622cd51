/**
 * Which way of averaging, masking or shifting turns one example into the loss value that a training run printed
 * (`loss_convention`).
 */

/** Relative difference at which a value counts as explained; and, for values near 0, nats. */
export const CONVENTION_TOLERANCE = { relative: 1e-3, nats: 1e-6 } as const

/** -log p of the tokens of one example, nats, by what they are. */
export interface ExampleLosses {
  /** Trained tokens in order, without end tokens. */
  readonly completion: readonly number[]
  /** End tokens, trained or not, in the sequence or computed after it. */
  readonly ends: readonly number[]
  readonly endsAreTrained: boolean
  /** Whether the end tokens stand in the sequence: a chat template may write them. */
  readonly endsAreInSequence: boolean
  /** All other tokens that a row predicts. */
  readonly given: readonly number[]
  readonly promptLossWeight: number
  /** The loss of each trained token where labels stand one place too late: row i on token i. Null when not computed. */
  readonly notShifted: readonly number[] | null
  /** Where they were shifted by the data and again by the model: row i on token i + 2. */
  readonly shiftedTwice: readonly number[] | null
}

export interface Convention {
  readonly convention: string
  /** What a run that counts so would print for this example. */
  readonly value: number
  /** In words, with what to do. */
  readonly message: string
}

/** Every convention that is defined for the example; the one that the request asks for is the first. */
export function conventionsOf(losses: ExampleLosses): Convention[] {
  const { completion, ends, given, endsAreTrained, endsAreInSequence, promptLossWeight: w } = losses
  const trained = endsAreTrained ? [...completion, ...ends] : completion
  const whole = [...given, ...completion, ...(endsAreInSequence ? ends : [])]
  const otherTrained = endsAreTrained ? completion : [...completion, ...ends]
  const otherWhole = endsAreInSequence ? [...given, ...completion] : [...given, ...completion, ...ends]
  const other = endsAreTrained ? { code: 'without_eos', words: 'without the end token' } : { code: 'with_eos', words: 'with the end token' }
  const otherInWhole = endsAreInSequence ? { code: 'without_eos', words: 'without the end token' } : { code: 'with_eos', words: 'with the end token' }
  const weighted = (sum(trained) + w * sum(given)) / (trained.length + w * given.length)

  const found: (readonly [string, number, string])[] = [
    ...(w > 0
      ? [
          [
            'prompt_loss_weight_mean',
            weighted,
            `mean over the completion and, with weight ${w}, the prompt: what a run with this prompt loss weight should report`
          ] as const
        ]
      : []),
    [
      'completion_mean',
      mean(trained),
      w > 0
        ? 'mean over the completion: the prompt loss weight had no effect'
        : 'mean over the trained tokens: what supervised fine-tuning should report; for a single example it is the per-example mean too'
    ],
    ['full_sequence_mean', mean(whole), 'mean over prompt and completion: the prompt was not masked; check that the labels of the prompt are -100'],
    ['completion_sum', sum(trained), 'sum over the trained tokens: it was not divided by their number'],
    ['full_sequence_sum', sum(whole), 'sum over prompt and completion: the prompt was not masked, and the sum was not divided'],
    [
      'completion_sum_over_all_tokens',
      trained.length === 0 ? Number.NaN : sum(trained) / whole.length,
      'sum over the trained tokens, divided by all tokens: masked tokens were counted in the mean'
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
            `sum over prompt and completion ${otherInWhole.words}: the prompt was not masked, and the sum was not divided`
          ]
        ] as const)),
    [
      'completion_mean_without_first_token',
      mean(trained.slice(1)),
      'mean over the trained tokens without the first: the boundary token was masked, or the mask begins one token late'
    ],
    [
      'labels_not_shifted',
      mean(losses.notShifted ?? []),
      'labels not shifted: each row was scored on the token that it was given, not on the next; the model learns to copy'
    ],
    [
      'labels_shifted_twice',
      mean(losses.shiftedTwice ?? []),
      'labels shifted twice: each row was scored on the token after the next; shift in the data or in the model, not in both'
    ],
    ['completion_mean_bits', mean(trained) / Math.LN2, 'mean over the trained tokens, in bits and not in nats'],
    ['full_sequence_mean_bits', mean(whole) / Math.LN2, 'mean over prompt and completion, in bits and not in nats: the prompt was not masked']
  ]
  const isDefined = ([convention, value]: readonly [string, number, string]): boolean =>
    Number.isFinite(value) && (trained.length > 0 || !convention.startsWith('completion'))
  return found.filter(isDefined).map(([convention, value, message]) => ({ convention, value, message }))
}

export interface ConventionMatch extends Convention {
  /** reported - value, nats */
  readonly difference: number
}

export interface LossDiagnosis {
  readonly value: number
  /** `expected`: the convention that the request asks for explains it; `other_convention`: another does; `unexplained`: none. */
  readonly verdict: 'expected' | 'other_convention' | 'unexplained'
  /** All that explain the value, the closest first. */
  readonly conventions: readonly ConventionMatch[]
  /** Where none does: the closest. */
  readonly nearest?: ConventionMatch
}

/** Compares a reported loss with every convention. `expected` is the code of the one that the request asks for. */
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

/** NaN of nothing. */
function mean(values: readonly number[]): number {
  return sum(values) / values.length
}
