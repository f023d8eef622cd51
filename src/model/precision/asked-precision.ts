import { ServiceError } from '../../errors.ts'
import type { OpenModel } from '../open-model.ts'
import { type EightBitForm, formHere } from './form.ts'
import { type PrecisionPlan, planPrecision } from './plan.ts'
import type { Precision } from './precisions.ts'

/**
 * The model as it will run, and what is done to its weights; null where nothing is. Throws `configuration_invalid` where its weights
 * cannot be rounded.
 */
export function askedPrecision(
  model: OpenModel,
  precision: Precision,
  executionProvider: 'cpu' | 'cuda',
  form: EightBitForm = formHere()
): { readonly model: OpenModel; readonly plan: PrecisionPlan | null } {
  if (precision === 'auto') return { model, plan: null }
  if (executionProvider !== 'cpu')
    throw new ServiceError('configuration_invalid', '--precision int8 is for the CPU: leave it out, or add --execution-provider cpu')
  const plan = planPrecision(model.graph, form)
  return {
    model: { ...model, dtype: 'int8', dtypeChoice: `${model.dtypeChoice}; its weights rounded to 8 bits (--precision int8)`, numerics: plan.numerics },
    plan
  }
}
