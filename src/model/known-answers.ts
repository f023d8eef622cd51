import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../errors.ts'

/** A text with token ids and log-probs from a reference. */
interface KnownText {
  readonly text: string
  /** Prefix token first. */
  readonly ids: readonly number[]
  /** Of all tokens but the first, in nats. */
  readonly logProbs: readonly number[]
}

/** The reference texts of one weight file. */
export interface KnownAnswers {
  readonly modelSha256: string
  readonly texts: readonly KnownText[]
}

interface StoredSet {
  readonly model_sha256: string
  readonly dtype: string
  /** `any` for values that a reference implementation computed. */
  readonly execution_provider: string
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[]; readonly log_probs: readonly number[] }[]
}

/**
 * The entry of the model folder's canary.json for this dtype and execution provider; null without the file or without
 * such an entry. Throws `model_invalid` when the file has another form.
 */
export function readKnownAnswers(folder: string, dtype: string, executionProvider: string): KnownAnswers | null {
  const path = join(folder, 'canary.json')
  if (!existsSync(path)) return null
  const sets = parsed(path, folder).filter((set) => set.dtype === dtype)
  const set = sets.find((each) => each.execution_provider === executionProvider) ?? sets.find((each) => each.execution_provider === 'any')
  if (set === undefined) return null
  return { modelSha256: set.model_sha256, texts: set.texts.map(({ text, ids, log_probs: logProbs }) => ({ text, ids, logProbs })) }
}

function parsed(path: string, folder: string): readonly StoredSet[] {
  let sets: unknown
  try {
    sets = (JSON.parse(readFileSync(path, 'utf8')) as { known_answers?: unknown }).known_answers
  } catch (error) {
    throw new ServiceError('model_invalid', `${basename(folder)}/canary.json is not JSON: correct it, or remove it`, { cause: error })
  }
  if (!Array.isArray(sets) || !sets.every(isSet))
    throw new ServiceError(
      'model_invalid',
      `${basename(folder)}/canary.json must hold known_answers, a list of { model_sha256, dtype, execution_provider, texts: [{ text, ids, log_probs }] } with one log_probs entry fewer than ids`
    )
  return sets
}

function isSet(value: unknown): value is StoredSet {
  const set = value as Partial<StoredSet> | null
  return (
    typeof set?.model_sha256 === 'string' &&
    typeof set.dtype === 'string' &&
    typeof set.execution_provider === 'string' &&
    Array.isArray(set.texts) &&
    set.texts.every(
      (entry: Partial<StoredSet['texts'][number]> | null) =>
        typeof entry?.text === 'string' && Array.isArray(entry.ids) && entry.ids.length > 1 && entry.log_probs?.length === entry.ids.length - 1
    )
  )
}
