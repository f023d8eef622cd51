import { didYouMeanFields } from '../config/nearest-name.ts'
import { ServiceError } from '../errors.ts'
import { type AjvFault, schemaFault, unknownFields } from '../json/schema-fault.ts'
import { fieldName } from '../json/structure.ts'

/** An x whose entries are no token ids: its path, and that of the entry. */
const TEXT_IN_X = /^((?:pairs\/\d+\/)?x)\/\d+$/

/**
 * What Ajv found, with the path of the field but never its value: a field that has another name in other tools, or is
 * misspelt, and several prompts in x, are told how to send it. `noun` is what has no field at fault: body, line.
 */
export function invalidRequest(fault: AjvFault | undefined, noun: string): ServiceError {
  const { param, finding } = schemaFault(fault)
  const unknown = fault === undefined ? null : unknownFields(fault)
  return new ServiceError(
    'invalid_request',
    unknown === null ? `${param === '' ? `the ${noun}` : param} ${finding}${manyPrompts(param)}` : refusal(param, unknown),
    {
      param
    }
  )
}

function manyPrompts(param: string): string {
  const [, x] = TEXT_IN_X.exec(param) ?? []
  if (x === undefined) return ''
  const others = x === 'x' ? 'for several prompts use pairs, a list of {"x": ..., "y": ...}' : 'send another pair for another prompt'
  return `: ${x} is one text or the token ids of one; ${others}`
}

/** `param` is the path of the first unknown field. */
function refusal(param: string, { unknown, known }: NonNullable<ReturnType<typeof unknownFields>>): string {
  const place = param.slice(0, param.lastIndexOf('/') + 1)
  const names = unknown.map((name) => `${place}${fieldName(name)}`).join(', ')
  return `${names} ${unknown.length === 1 ? 'is not a field' : 'are not fields'} of this request${didYouMeanFields(unknown, known)}`
}
