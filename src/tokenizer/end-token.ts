import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface EndToken {
  readonly id: number | null
  /** Which file the id comes from, for people; null if it is that of tokenizer_config.json. */
  readonly note: string | null
}

/**
 * The token that ends a text of the model. generation_config.json decides, then config.json, because these are what a
 * model stops at; tokenizer_config.json often keeps the token of the base model. Where a file lists several, the
 * tokenizer's is taken if it is among them, else the first.
 */
export function endTokenOf(folder: string, tokenizerId: number | null, spellingOf: (id: number) => string | undefined): EndToken {
  for (const file of ['generation_config.json', 'config.json']) {
    const ids = endIds(join(folder, file)).filter((id) => spellingOf(id) !== undefined)
    const [first] = ids
    if (first === undefined) continue
    if (tokenizerId !== null && ids.includes(tokenizerId)) return { id: tokenizerId, note: null }
    const named = tokenizerId === null ? 'names none' : `names ${tokenizerId} (${spellingOf(tokenizerId)})`
    return { id: first, note: `the end-of-sequence token is ${first} (${spellingOf(first)}) of ${file}; tokenizer_config.json ${named}` }
  }
  return { id: tokenizerId, note: null }
}

/** model_type of config.json; null without it. */
export function modelTypeOf(folder: string): string | null {
  const path = join(folder, 'config.json')
  const given = existsSync(path) ? fieldOf(readFileSync(path, 'utf8'), 'model_type') : null
  return typeof given === 'string' ? given : null
}

/** `eos_token_id` of a file: one id or a list. Empty without the file; what cannot be read is reported elsewhere. */
function endIds(path: string): number[] {
  if (!existsSync(path)) return []
  const given = fieldOf(readFileSync(path, 'utf8'), 'eos_token_id')
  return (Array.isArray(given) ? given : [given]).filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0)
}

function fieldOf(json: string, name: string): unknown {
  try {
    const config: unknown = JSON.parse(json)
    return typeof config === 'object' && config !== null ? (Object.entries(config).find(([key]) => key === name)?.[1] ?? null) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
