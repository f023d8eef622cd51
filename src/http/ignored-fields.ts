import type { Warning } from '../encoding/encoded-item.ts'
import { fieldName } from '../json/structure.ts'

/**
 * Clients send fields of other services, which is fine, but an unknown field may also be misspelt: each gets a warning.
 */
export function ignoredFields(body: object, known: ReadonlySet<string>): Warning[] {
  const names = Object.keys(body).filter((field) => !known.has(field))
  return names.map((name) => ({ code: 'field_ignored', message: `${fieldName(name)} is not a field of this request and has no effect` }))
}
