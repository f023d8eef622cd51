import { fieldName } from './structure.ts'

/** An error of Ajv. */
export interface AjvFault {
  readonly instancePath: string
  readonly keyword: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
  /** The schema at the place, and the value there: only from an Ajv that is verbose. */
  readonly parentSchema?: object
  readonly data?: unknown
}

/** The unknown fields of an object, at most three, and those that it may have; null for another fault. */
export function unknownFields({ keyword, parentSchema, data }: AjvFault): { readonly unknown: readonly string[]; readonly known: readonly string[] } | null {
  if (keyword !== 'additionalProperties' || parentSchema === undefined || !('properties' in parentSchema)) return null
  const known = Object.keys(parentSchema.properties as object)
  return {
    unknown: Object.keys(data as object)
      .filter((name) => !known.includes(name))
      .slice(0, 3),
    known
  }
}

/** The path of the field at fault, which is empty for the whole value, and what is wrong with it; never its value. */
export function schemaFault(fault: AjvFault | undefined): { readonly param: string; readonly finding: string } {
  const path = fault?.instancePath.slice(1) ?? ''
  const property = fault?.params.additionalProperty ?? fault?.params.missingProperty
  const param = [path, typeof property === 'string' ? fieldName(property) : ''].filter((part) => part !== '').join('/')
  const allowed = Array.isArray(fault?.params.allowedValues) ? `: ${fault.params.allowedValues.join(', ')}` : ''
  if (fault?.keyword === 'additionalProperties') return { param, finding: 'is not a field of this request' }
  if (fault?.keyword === 'required') return { param, finding: 'is missing' }
  return { param, finding: `${findingOf(fault)}${allowed}` }
}

/** Ajv's message in words: "must be an array or null" for "must be array,null". */
function findingOf(fault: AjvFault | undefined): string {
  const { limit, type } = fault?.params ?? {}
  if (fault?.keyword === 'minItems') return limit === 1 ? 'is an empty list: send at least one item' : `needs at least ${limit} items`
  if (fault?.keyword === 'maxItems') return `may have at most ${limit} items`
  if (fault?.keyword === 'type') return `must be ${String(type).split(',').map(withArticle).join(' or ')}`
  return fault?.message ?? 'is invalid'
}

function withArticle(type: string): string {
  return type === 'null' ? type : `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`
}
