import { ServiceError } from '../errors.ts'
import type { ScoringModel, Service } from './served-model.ts'

type Models = Pick<Service, 'modelIds' | 'scoring'>

/**
 * The model that a request names; without a name the only one. With several there is no default, because a number of
 * another model looks like any other.
 *
 * Throws `invalid_request` when it has to be named, `model_not_found`, and what `scoring` throws.
 */
export function selectModel(models: Models, name: string | undefined, param = 'model'): ScoringModel {
  return models.scoring(selectModelId(models, name, param))
}

/** The id of the model that a request names, loaded or not, as `selectModel` chooses it. Throws `invalid_request` or `model_not_found`. */
export function selectModelId({ modelIds }: Pick<Service, 'modelIds'>, name: string | undefined, param = 'model'): string {
  const [only, ...others] = modelIds
  const id = name ?? (others.length === 0 ? only : undefined)
  if (id === undefined) throw new ServiceError('invalid_request', `this service serves several models: send one of ${modelIds.join(', ')} as model`, { param })
  if (!modelIds.includes(id))
    throw new ServiceError(
      'model_not_found',
      `this service serves ${modelIds.join(', ')}; GET /v1/models lists what there is: send ${others.length === 0 ? 'that, or leave model out' : 'one of these as model'}`,
      { param }
    )
  return id
}

/**
 * The models that can be asked now, in the order of the configuration. Throws the reason of the first one when there is none.
 */
export function availableModels(models: Models): readonly ScoringModel[] {
  const found: ScoringModel[] = []
  let reason: unknown
  for (const id of models.modelIds) {
    try {
      found.push(models.scoring(id))
    } catch (error) {
      reason ??= error
    }
  }
  if (found.length === 0) throw reason
  return found
}
