import type { Logger } from 'pino'
import type { Config } from './config/options.ts'
import { SampledVerification } from './logprob/sampled-verification.ts'
import type { ModelMetrics } from './observability/model-metrics.ts'
import type { ReadyBackend } from './ready-backend.ts'
import type { ScoringBackend } from './scoring-backend.ts'
import { Canary } from './watch/canary.ts'
import { watchModelFiles } from './watch/model-files.ts'

export interface Vigil {
  end(): void
}

/**
 * What looks after a served model: a canary, a share of the traffic verified again, and the model's files. What it finds
 * wrong replaces the engine process, which is not ready again before it has passed the self-test on unchanged files.
 */
export function keepVigil(
  config: Config,
  { engine, scheduler }: ScoringBackend,
  { model, evaluator, completionsEvaluator, context, modelPaths }: ReadyBackend,
  metrics: Pick<ModelMetrics, 'verified' | 'wrongCanary'>,
  log: Logger
): Vigil {
  const replace = (reason: string): void => {
    scheduler.forgetResults()
    engine.replace(reason)
  }
  const canary = new Canary(
    {
      scheduler,
      selfTest: model.selfTest,
      onWrong(maxDifferenceNats) {
        metrics.wrongCanary()
        log.error({ maxDifferenceNats, toleranceNats: model.selfTest.toleranceNats }, 'a known text has other numbers than at the start')
        replace('a known text has other numbers than at the start')
      }
    },
    config.CANARY_INTERVAL_MS
  )
  const files = watchModelFiles(modelPaths, config.MODEL_FILES_INTERVAL_MS, (path) => {
    log.error({ path }, 'a file of the model changed on disk')
    replace('a file of the model changed on disk')
  })
  const sampled = new SampledVerification(context, scheduler, {
    share: config.VERIFY_PERCENT / 100,
    onVerified(verdict, found) {
      metrics.verified(verdict)
      if (verdict === 'pass') return
      // Values and ids of checks alone: no text, no tokens.
      const checks = found.map(({ id, status, value, tolerance }) => ({ id, status, value, tolerance }))
      log[verdict === 'fail' ? 'error' : 'warn']({ checks }, 'a sampled verification did not pass')
      if (verdict !== 'fail') return
      scheduler.forgetResults()
      void canary.run()
    }
  })
  evaluator.listen((encoded, scored) => sampled.consider(encoded, scored))
  completionsEvaluator.listen(({ encoded, scored }) => sampled.consider(encoded, scored))
  return {
    end() {
      canary.stop()
      files.stop()
    }
  }
}
