import type { CommandFlag } from '../config/option-schema.ts'
import { LOGPROB_REQUEST } from '../http/schemas/logprob.ts'
import { MAX_TOP_OBJECTS, type RequestedOptions } from '../logprob/request-options.ts'

const { properties: FIELDS } = LOGPROB_REQUEST

/**
 * The flags of `logpr score`. Those of the API have its values, defaults and descriptions. `prefix_token` is missing:
 * it is a setting, `--prefix-token`.
 */
export const SCORE_FLAGS = {
  x: { type: 'string', placeholder: 'TEXT', description: 'The prompt.' },
  messages: { type: 'string', placeholder: 'JSON', description: `A conversation in place of x: '[{"role": "user", "content": "Hi"}]'.` },
  y: {
    type: 'string',
    placeholder: 'TEXT',
    isRepeated: true,
    description: 'The output to score. Give it several times to score several outputs for one prompt.'
  },
  terms: { type: 'string', placeholder: 'TERM,TERM', default: 'joint,marginal,conditional', description: FIELDS.terms.description },
  detail: choiceOf(FIELDS.detail),
  'top-logprobs': {
    type: 'integer',
    minimum: FIELDS.top_logprobs.minimum,
    maximum: MAX_TOP_OBJECTS,
    default: FIELDS.top_logprobs.default,
    description: 'Number of most probable tokens at each position; implies detail tokens.'
  },
  verify: choiceOf(FIELDS.verify),
  boundary: choiceOf(FIELDS.boundary),
  eos: choiceOf(FIELDS.eos),
  'on-overflow': choiceOf(FIELDS.on_overflow),
  'parse-special-tokens': { type: 'boolean', default: false, description: FIELDS.parse_special_tokens.description },
  json: { type: 'boolean', description: 'Print JSON Lines on a terminal too.' }
} as const satisfies Readonly<Record<string, CommandFlag>>

function choiceOf<const S extends { enum: readonly string[]; default: string; description: string }>(field: S) {
  const { enum: choices, default: fallback, description } = field
  return { type: 'string', enum: choices as S['enum'], default: fallback, description } as const
}

type GivenFlags = { readonly [Flag in keyof typeof SCORE_FLAGS]?: unknown }

/** The fields of a request that the flags ask for; the schema of the API has yet to accept them. */
export function requestedFields(own: GivenFlags): RequestedOptions {
  const { terms } = own
  const fields = {
    detail: own.detail,
    top_logprobs: own['top-logprobs'],
    verify: own.verify,
    boundary: own.boundary,
    eos: own.eos,
    on_overflow: own['on-overflow'],
    parse_special_tokens: own['parse-special-tokens'],
    terms: typeof terms === 'string' ? terms.split(',').map((term) => term.trim()) : undefined
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as RequestedOptions
}
