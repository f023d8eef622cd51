import { METHOD_NAMES } from './attributes.ts'
import { FILTERS } from './filters.ts'
import { TESTS } from './tests.ts'

export function isKnownFilter(name: string): boolean {
  return Object.hasOwn(FILTERS, name)
}

export function isKnownTest(name: string): boolean {
  return Object.hasOwn(TESTS, name)
}

/** Whether some value has a method of this name that can be called, or jinja2 refuses to call it too. */
export function isKnownMethod(name: string): boolean {
  return METHOD_NAMES.has(name)
}

const RESERVED = new Set(['true', 'True', 'false', 'False', 'none', 'None', 'loop'])

export function isReservedName(name: string): boolean {
  return RESERVED.has(name)
}
