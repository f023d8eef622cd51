import { ServiceError } from '../errors.ts'
import type { ScoringModel, ServedModels } from './served-models.ts'

/**
 * The model that a request names, or the only model when it names none. With several models there is no default,
 * because a score of the wrong model looks like any other score.
 *
 * Throws `invalid_request` when a name is required, `model_not_found` when it is unknown, and what `scoring` throws.
 */
export function selectModel(models: Pick<ServedModels, 'ids' | 'scoring'>, name: string | undefined, param = 'model'): ScoringModel {
  return models.scoring(selectModelId(models, name, param))
}

/**
 * The id that `selectModel` would choose; the model need not be loaded. Throws `invalid_request` or `model_not_found`.
 */
export function selectModelId({ ids }: Pick<ServedModels, 'ids'>, name: string | undefined, param = 'model'): string {
  const [only, ...others] = ids
  const id = name ?? (others.length === 0 ? only : undefined)
  if (id === undefined) throw new ServiceError('invalid_request', `model is missing and several models are served; send one of ${ids.join(', ')}`, { param })
  if (!ids.includes(id)) {
    const remedy = others.length === 0 ? `omit ${param} or send ${ids.join()}` : `send one of ${ids.join(', ')}`
    throw new ServiceError('model_not_found', `${param} names no model that is served here; ${remedy}`, { param })
  }
  return id
}

/** The loaded models, in the order of the configuration. Throws the first model's reason when none is loaded. */
export function availableModels(models: Pick<ServedModels, 'ids' | 'scoring'>): readonly ScoringModel[] {
  const available: ScoringModel[] = []
  let firstReason: unknown
  for (const id of models.ids) {
    try {
      available.push(models.scoring(id))
    } catch (error) {
      firstReason ??= error
    }
  }
  if (available.length === 0) throw firstReason
  return available
}
