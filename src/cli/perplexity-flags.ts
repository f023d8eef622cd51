import { didYouMeanFields } from '../config/nearest-name.ts'
import type { CommandFlag } from '../config/option-schema.ts'
import { ServiceError } from '../errors.ts'
import { PERPLEXITY_REQUEST } from '../http/schemas/perplexity.ts'
import { DEFAULT_QUANTILES } from '../perplexity/corpus.ts'
import { cutoffsOf, type PerplexityOptions, perplexityOptionsOf, type RequestedWindows } from '../perplexity/request.ts'
import { STATISTICS, type Statistic } from '../statistics/statistics.ts'

const { properties: FIELDS } = PERPLEXITY_REQUEST

/** The flags of `logpr perplexity`. Those of the API have its values, defaults and descriptions. */
export const PERPLEXITY_FLAGS = {
  per: { type: 'string', enum: ['file', 'line'], default: 'file', description: 'What one text is: a whole file, or each line of it.' },
  field: { type: 'string', placeholder: 'NAME', description: 'Read JSON Lines, of which this field is the text; implies --per line.' },
  window: choiceOf(FIELDS.window),
  'max-length': { type: 'integer', minimum: FIELDS.max_length.minimum, description: FIELDS.max_length.description },
  stride: { type: 'integer', minimum: FIELDS.stride.minimum, description: FIELDS.stride.description },
  prefix: choiceOf(FIELDS.prefix_token),
  'parse-special-tokens': { type: 'boolean', default: false, description: FIELDS.parse_special_tokens.description },
  detail: choiceOf(FIELDS.detail),
  statistics: { type: 'string', placeholder: 'NAME,NAME', description: `With --per line: ${STATISTICS.join(', ')} (docs/guides/statistics.md).` },
  quantiles: {
    type: 'string',
    placeholder: 'Q,Q',
    default: '1/3,2/3',
    description: 'Quantiles of the perplexities per token, in the summary of several texts.'
  },
  cutoffs: { type: 'string', placeholder: 'P,P', description: FIELDS.cutoffs.description },
  summary: { type: 'boolean', description: 'Print one more line of JSON, with all texts together and the quantiles.' },
  number: { type: 'boolean', description: 'Print the perplexity per token alone: one number per text, nan for one that cannot be scored.' },
  json: { type: 'boolean', description: 'Print JSON Lines on a terminal too.' }
} as const satisfies Readonly<Record<string, CommandFlag>>

function choiceOf<const S extends { enum: readonly string[]; default: string; description: string }>(field: S) {
  const { enum: choices, default: fallback, description } = field
  return { type: 'string', enum: choices as S['enum'], default: fallback, description } as const
}

/** The values that were given, of the types that their schemas allow. */
export type GivenPerplexityFlags = { readonly [Flag in keyof typeof PERPLEXITY_FLAGS]?: unknown }

/** What the flags ask for. */
export interface PerplexityPlan {
  readonly perLine: boolean
  /** The field of a JSON line that is the text; null for lines of text. */
  readonly field: string | null
  readonly quantiles: readonly number[]
  readonly cutoffs: readonly [number, number] | null
  readonly windows: RequestedWindows
}

/** Throws `configuration_invalid`, naming the flag. */
export function perplexityPlanOf(own: GivenPerplexityFlags): PerplexityPlan {
  const field = own.field === undefined ? null : String(own.field)
  if (field === '') throw new ServiceError('configuration_invalid', '--field is empty: give the name of the field that holds the text, such as --field text')
  if (field !== null && own.per === 'file')
    throw new ServiceError('configuration_invalid', '--field reads JSON Lines, and --per file takes a file as one text: give one of them')
  if (own.number === true && own.json === true) throw new ServiceError('configuration_invalid', '--number and --json exclude each other: give one of them')
  const fields = {
    window: own.window,
    max_length: own['max-length'],
    stride: own.stride,
    prefix_token: own.prefix,
    parse_special_tokens: own['parse-special-tokens'],
    detail: own.detail,
    statistics: own.statistics === undefined ? undefined : statisticsOf(own)
  }
  return {
    perLine: own.per === 'line' || field !== null,
    field,
    quantiles:
      own.quantiles === undefined ? DEFAULT_QUANTILES : numbersOf('quantiles', own.quantiles, (value) => value >= 0 && value <= 1, 'numbers from 0 to 1'),
    cutoffs: own.cutoffs === undefined ? null : cutoffsFrom(numbersOf('cutoffs', own.cutoffs, (value) => value >= 0, 'two perplexities')),
    windows: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as RequestedWindows
  }
}

function statisticsOf({ statistics, per, field }: GivenPerplexityFlags): readonly Statistic[] {
  if (per !== 'line' && field === undefined)
    throw new ServiceError(
      'configuration_invalid',
      '--statistics need the whole text at once: give --per line or --field, or send the text to POST /v1/perplexity'
    )
  return String(statistics)
    .split(',')
    .map((given) => {
      const name = STATISTICS.find((each) => each === given.trim())
      if (name === undefined) throw new ServiceError('configuration_invalid', `--statistics must be some of ${STATISTICS.join(', ')}, separated by commas`)
      return name
    })
}

/** The options for a model. Throws `configuration_invalid`, naming the flag. */
export function perplexityOptionsFor({ windows }: PerplexityPlan, maxModelLen: number): PerplexityOptions {
  return asFlags(() => perplexityOptionsOf(windows, maxModelLen))
}

function cutoffsFrom(cutoffs: readonly number[]): readonly [number, number] | null {
  return asFlags(() => cutoffsOf(cutoffs))
}

/** An error of the API with the name of its field as that of a flag. */
function asFlags<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    throw new ServiceError('configuration_invalid', `--${error.message.replaceAll('max_length', 'max-length')}`, { cause: error })
  }
}

/** Numbers separated by commas; a fraction such as 1/3 is one. */
function numbersOf(flag: string, given: unknown, isValid: (value: number) => boolean, what: string): number[] {
  return String(given)
    .split(',')
    .map((text) => {
      const [numerator, denominator = '1', ...more] = text.split('/')
      const value = Number(numerator) / Number(denominator)
      if (text.trim() === '' || more.length > 0 || !Number.isFinite(value) || !isValid(value))
        throw new ServiceError('configuration_invalid', `--${flag} must be ${what}, separated by commas`)
      return value
    })
}

/** Why a line of JSON has no text. */
export function missingField(value: object, field: string): ServiceError {
  const hint = field in value ? ' that is a text' : `${didYouMeanFields([field], Object.keys(value))}`
  return new ServiceError('invalid_request', `the line has no field ${JSON.stringify(field)}${hint}`, { param: field })
}
