import type { ReferenceModel } from '../audit/same-model.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { logprobOptionsOf } from '../logprob/request-options.ts'
import { resultOf } from '../logprob/result.ts'
import { openModel } from './open-model.ts'

const OPTIONS = logprobOptionsOf({ boundary: 'tokens', prefix_token: 'none', detail: 'tokens', terms: ['conditional'] })

/** Loads the model of `--model`, for comparisons with a server. */
export async function loadReference(
  loaded: Pick<LoadedConfig<never>, 'config' | 'given'>,
  env: NodeJS.ProcessEnv
): Promise<ReferenceModel & { close(): Promise<void> }> {
  const { model, close } = await openModel(loaded, env)
  const { logprobEvaluator, context } = model
  const { tokenizer } = context
  return {
    prefixId: tokenizer.info.beginId,
    maxLength: model.model.maxModelLen,
    async encode(text) {
      const [ids] = await tokenizer.encode([text], { parseSpecialTokens: false })
      return Array.from(ids ?? [])
    },
    async score(ids, signal) {
      const item = { index: 0, candidate: 0, id: null, x: ids.slice(0, 1), y: ids.slice(1), param: { x: 'x', y: 'y' } }
      const { outcomes } = await logprobEvaluator.evaluate([item], OPTIONS, { signal })
      const [outcome] = await Promise.all(outcomes)
      if (outcome === undefined) throw new Error('the evaluator returned no outcome for an item')
      if ('error' in outcome) throw outcome.error
      const tokens = resultOf(outcome, OPTIONS.terms).tokens ?? []
      return [null, ...tokens.filter(({ part }) => part === 'y').map(({ log_prob }) => log_prob)]
    },
    close
  }
}
