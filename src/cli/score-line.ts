import { isUtf8 } from 'node:buffer'
import { Ajv } from 'ajv'
import { didYouMeanFields } from '../config/nearest-name.ts'
import type { LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { LogprobEvaluator, Outcome } from '../evaluation/logprob-evaluator.ts'
import { LOGPROB_PAIR, LOGPROB_REQUEST } from '../http/schemas/logprob.ts'
import { parseJsonLine } from '../json/parse.ts'
import { type AjvFault, schemaFault } from '../json/schema-fault.ts'
import { expandRequest, type RequestedPairs } from '../logprob/expand-request.ts'
import { logprobOptionsOf } from '../logprob/request-options.ts'
import { SCORE_FLAGS } from './score-flags.ts'
import type { InputLine } from './score-input.ts'

const ajv = new Ajv({ allowUnionTypes: true })
const isLine = ajv.compile(LOGPROB_PAIR)
const isRequest = ajv.compile(LOGPROB_REQUEST)

/** The options that the fields of a request ask for. Throws `configuration_invalid` with the flag at fault. */
export function optionsOf(fields: object): LogprobOptions {
  if (!isRequest(fields)) {
    const fault = isRequest.errors?.[0] as AjvFault
    const { param, finding } = schemaFault(fault)
    const flag = `--${param.replace(/\/.*/, '').replaceAll('_', '-')}`
    throw new ServiceError('configuration_invalid', `${flag} ${fault.keyword === 'uniqueItems' ? 'has a word twice' : finding}`)
  }
  return logprobOptionsOf(fields)
}

/** The outcomes of one line: one per output, or one error. Never rejects. */
export async function scoreLine(
  { bytes }: InputLine,
  { evaluator, options, signal }: { readonly evaluator: LogprobEvaluator; readonly options: LogprobOptions; readonly signal: AbortSignal }
): Promise<Outcome[]> {
  let id: string | null = null
  try {
    const value = parsed(bytes)
    id = idOf(value)
    const { outcomes } = await evaluator.evaluate(expandRequest(checked(value)), options, { signal })
    return await Promise.all(outcomes)
  } catch (error) {
    return [{ item: { index: 0, candidate: 0, id, x: '', y: '', param: { x: 'x', y: 'y' } }, error: serviceErrorFrom(error) }]
  }
}

function parsed(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new ServiceError('invalid_utf8', 'the line is not valid UTF-8; convert the file to UTF-8')
  try {
    return parseJsonLine(bytes.toString('utf8'))
  } catch (error) {
    if (error instanceof ServiceError) throw error
    const position = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
    const where = position === undefined ? '' : ` at character ${Number(position) + 1}`
    throw new ServiceError('invalid_json', `the line is not valid JSON${where}; each line must be one complete object`, { cause: error })
  }
}

/** A line that fails later keeps its id. */
function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null
  return typeof id === 'string' ? id : null
}

function checked(value: unknown): RequestedPairs {
  if (Array.isArray(value))
    throw new ServiceError('invalid_request', "the line is a list; write one object per line, such as with jq --compact-output '.[]' FILE")
  if (typeof value !== 'object' || value === null)
    throw new ServiceError(
      'invalid_request',
      'the line is not an object; send x (a text or token ids), y (one output or a list of outputs) and, optionally, id'
    )
  if (isLine(value)) return value as RequestedPairs
  const { param, finding } = schemaFault(isLine.errors?.[0] as AjvFault)
  const isUnknown = isLine.errors?.[0]?.keyword === 'additionalProperties'
  throw new ServiceError('invalid_request', `${param} ${isUnknown ? `is not a field of a line${hint(param)}` : finding}`, { param })
}

function hint(param: string): string {
  const flag = param.replaceAll('_', '-')
  if (flag in SCORE_FLAGS) return `; give --${flag} on the command line, for all lines`
  return didYouMeanFields([param], Object.keys(LOGPROB_PAIR.properties))
}
