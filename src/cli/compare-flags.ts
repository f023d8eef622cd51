import type { CommandFlag } from '../config/option-schema.ts'
import { DTYPES } from '../model/folder/find-graph-file.ts'
import { PRECISIONS } from '../model/precision/eight-bit-form.ts'

export const COMPARE_DEFAULTS = { worst: 10, concurrency: 4, timeoutMs: 120_000 } as const

/** Which of the two: the end of the flags that belong to one side. */
export type SideLetter = 'a' | 'b'

const precision = (side: string) =>
  ({ type: 'string', enum: PRECISIONS, description: `Precision of the weights of ${side}, in place of --precision.` }) as const satisfies CommandFlag
const dtype = (side: string) =>
  ({ type: 'string', enum: DTYPES, description: `Type of the weight file of ${side}, in place of --dtype.` }) as const satisfies CommandFlag
const servedModel = (side: string) =>
  ({
    type: 'string',
    placeholder: 'NAME',
    description: `The model to ask server ${side} for. Needed only if it lists several.`
  }) as const satisfies CommandFlag
const keyVariable = (side: string) =>
  ({ type: 'string', placeholder: 'VARIABLE', description: `Environment variable that holds the API key of server ${side}.` }) as const satisfies CommandFlag

/** The flags of `logpr compare`. */
export const COMPARE_FLAGS = {
  data: { type: 'string', placeholder: 'FILE', description: 'The texts, one per line; - for standard input.' },
  field: { type: 'string', placeholder: 'NAME', description: 'Read JSON Lines, of which this field is the text.' },
  'precision-a': precision('A'),
  'precision-b': precision('B'),
  'dtype-a': dtype('A'),
  'dtype-b': dtype('B'),
  prefix: {
    type: 'string',
    enum: ['auto', 'none'],
    default: 'auto',
    description: 'Whether models loaded here put their prefix token before a text. Use none if a server on the other side puts nothing there.'
  },
  worst: {
    type: 'integer',
    minimum: 0,
    maximum: 1000,
    default: COMPARE_DEFAULTS.worst,
    description: 'How many of the tokens that differ most to show.'
  },
  'max-mean-nats': {
    type: 'string',
    placeholder: 'NATS',
    description: 'Exit with 1 if the mean of |delta| is larger, or if no token could be compared.'
  },
  figure: { type: 'string', placeholder: 'FILE.svg', description: 'Write a histogram of the differences, as SVG.' },
  'served-model-a': servedModel('A'),
  'served-model-b': servedModel('B'),
  'api-key-env-a': keyVariable('A'),
  'api-key-env-b': keyVariable('B'),
  concurrency: {
    type: 'integer',
    minimum: 1,
    maximum: 256,
    default: COMPARE_DEFAULTS.concurrency,
    description: 'Requests that a server gets at the same time.'
  },
  'timeout-ms': {
    type: 'integer',
    minimum: 1,
    maximum: 3_600_000,
    default: COMPARE_DEFAULTS.timeoutMs,
    description: 'Longest time of one request to a server, in milliseconds.'
  },
  json: { type: 'boolean', description: 'Print JSON, for programs.' }
} as const satisfies Readonly<Record<string, CommandFlag>>
