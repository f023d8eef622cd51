import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../../errors.ts'

/** A JSON object of a model folder, of which nothing is known. */
export interface JsonObject {
  readonly [key: string]: unknown
}

/** The object in a file of the folder; null when there is no such file. Throws `model_invalid` when it is not a JSON object. */
export function readJsonObject(folder: string, file: string): JsonObject | null {
  if (!existsSync(join(folder, file))) return null
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    if (!isObject(value)) throw new Error('it is not a JSON object')
    return value
  } catch (error) {
    throw new ServiceError('model_invalid', `${basename(folder)}/${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}

/** The object under a key; empty when there is none. */
export function objectAt(parent: JsonObject | null, key: string): JsonObject {
  const value = parent?.[key]
  return isObject(value) ? value : {}
}

/** The first of the keys that holds a positive integer, in the first of the objects that has one. */
export function firstCount(objects: readonly JsonObject[], keys: readonly string[]): { readonly key: string; readonly value: number } | undefined {
  for (const object of objects) {
    for (const key of keys) {
      const value = object[key]
      if (typeof value === 'number' && Number.isInteger(value) && value > 0) return { key, value }
    }
  }
  return undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
