import type { ReferenceModel } from '../audit/same-model.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { withProviderDefaults } from '../config/provider-defaults.ts'
import { logprobOptionsOf } from '../logprob/request-options.ts'
import { resultOf } from '../logprob/result.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { startBackend } from '../serving/backend.ts'
import type { ReadyBackend } from '../serving/ready-backend.ts'
import { locateWithProgress } from './model-locator.ts'

export interface OpenModel {
  readonly model: ReadyBackend
  close(): Promise<void>
}

/**
 * Loads the one model of the settings in this process, without HTTP; only errors are logged. Its queue has no limit:
 * the caller sends texts only as fast as they are scored.
 */
export async function openModel({ config: settings, given }: Pick<LoadedConfig<never>, 'config' | 'given'>, env: NodeJS.ProcessEnv): Promise<OpenModel> {
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  const located = await locateWithProgress(config.MODEL, config, env, process.stderr)
  const log = await createLogger('error', 2, config.LOG_FORMAT)
  const backend = startBackend({ ...config, MAX_QUEUE_TOKENS: Number.MAX_SAFE_INTEGER }, log, {
    located,
    provider,
    precisionFolder: precisionFolder(env)
  })
  const model = await backend.ready.catch(async (error: unknown) => {
    await backend.close()
    throw error
  })
  return { model, close: () => backend.close() }
}

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
