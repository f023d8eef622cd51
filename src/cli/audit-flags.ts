import type { CommandFlag } from '../config/option-schema.ts'

export const AUDIT_DEFAULTS = {
  /** docs/guides/audit.md has what honest servers differ by. */
  toleranceNats: 1,
  concurrency: 4,
  /** The longest length at which a check looks, 2048, and the tokens behind it. */
  maxLength: 2072,
  timeoutMs: 120_000
} as const

/** The flags of `logpr audit`. */
export const AUDIT_FLAGS = {
  'served-model': { type: 'string', placeholder: 'NAME', description: 'The model to audit. Needed only if the server lists several.' },
  'api-key-env': {
    type: 'string',
    placeholder: 'VARIABLE',
    description: 'Environment variable that holds the API key. Without it no key is sent. The commands in the report name the variable.'
  },
  tolerance: {
    type: 'string',
    placeholder: 'NATS',
    default: String(AUDIT_DEFAULTS.toleranceNats),
    description:
      'Largest difference of one log-probability between two requests; the mean of a text may differ by a quarter of it. The default allows for 16-bit and 8-bit servers; use 0.001 for float32, and 0 for a server that promises equal numbers.'
  },
  concurrency: {
    type: 'integer',
    minimum: 1,
    maximum: 256,
    default: AUDIT_DEFAULTS.concurrency,
    description: 'Requests sent at the same time, in one check. With 1, that check is skipped.'
  },
  'max-length': {
    type: 'integer',
    minimum: 64,
    maximum: 1_000_000,
    default: AUDIT_DEFAULTS.maxLength,
    description: 'Longest prompt to send, in tokens. The context of the server limits it too, if the server lists it.'
  },
  'timeout-ms': {
    type: 'integer',
    minimum: 1,
    maximum: 3_600_000,
    default: AUDIT_DEFAULTS.timeoutMs,
    description: 'Longest time of one request, in milliseconds.'
  },
  seed: {
    type: 'integer',
    minimum: 0,
    maximum: 2 ** 32 - 1,
    description: 'Sends the texts of an earlier run, whose seed the report shows. By default new texts, which no cache has.'
  },
  json: { type: 'boolean', description: 'Print JSON, for programs.' }
} as const satisfies Readonly<Record<string, CommandFlag>>
