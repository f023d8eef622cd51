const NAME = /^\w{1,40}$/

/** A key as an error may show it: field names yes, anything that could be a piece of text no. */
export function fieldName(key: string): string {
  return NAME.test(key) ? key : '(not a field name)'
}
