import { mebibytes } from '../../memory/mebibytes.ts'
import type { InspectedModel, Section } from '../section.ts'

const FORMS = { blocks: 'a scale for every 128 inputs', rows: 'a scale for each row and each output' } as const

/** What --precision int8 does to the weights. */
export function precisionSection({ precision, prepared }: InspectedModel): Section | null {
  if (precision === null) return null
  const { form, weights, products, sizeBytes } = precision
  const kept = prepared === null ? '' : prepared.isThere ? `; kept in ${prepared.path}` : `; will be prepared at the next start, into ${prepared.path}`
  return {
    name: 'precision',
    json: {
      form,
      weights: weights.size,
      products: products.length,
      file_bytes: sizeBytes,
      file: prepared?.path ?? null,
      is_prepared: prepared?.isThere ?? null
    },
    lines: [['8-bit rows', `${weights.size} weights, ${FORMS[form]}, ${mebibytes(sizeBytes)}${kept}`]]
  }
}
