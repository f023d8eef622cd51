import type { Logger } from 'pino'
import type { Config } from '../config/options.ts'
import { serviceErrorFrom } from '../errors.ts'
import { SampledVerification } from '../evaluation/sampled-verification.ts'
import { FileChangeDetector } from '../model/weights/file-change-detector.ts'
import type { ModelMetrics, Monitor } from '../observability/metrics.ts'
import type { ScoringBackend } from './backend.ts'
import { Canary } from './canary.ts'
import type { ReadyBackend } from './ready-backend.ts'

export interface ModelMonitor {
  stop(): void
}

/**
 * Watches a served model with a canary, sampled verification and a check of the model files. A wrong canary score or a
 * changed file replaces the engine process, which is ready again only after a self-test on unchanged files.
 */
export function startModelMonitor(
  config: Config,
  { engine, scheduler }: ScoringBackend,
  { model, logprobEvaluator, completionsEvaluator, perplexityEvaluator, context, modelPaths }: ReadyBackend,
  metrics: Pick<ModelMetrics, 'verified' | 'wrongCanary' | 'monitorFailed'>,
  log: Logger
): ModelMonitor {
  const replaceEngine = (reason: string): void => {
    scheduler.forgetResults()
    engine.replace(reason)
  }
  const onFailed = (monitor: Monitor, thrown: unknown): void => {
    metrics.monitorFailed(monitor)
    const { code, message, cause } = serviceErrorFrom(thrown)
    log.error({ monitor, code, reason: message, err: cause }, 'a monitor failed and compared nothing')
  }
  const canary = new Canary(
    {
      scheduler,
      selfTest: model.selfTest,
      onWrong(maxDifferenceNats) {
        metrics.wrongCanary()
        const reason = 'the canary text no longer has the scores of the self-test'
        log.error({ maxDifferenceNats, toleranceNats: model.selfTest.toleranceNats }, reason)
        replaceEngine(reason)
      },
      onFailed: (error) => onFailed('canary', error)
    },
    config.CANARY_INTERVAL_MS
  )
  const files = watchModelFiles(modelPaths, config.MODEL_FILES_INTERVAL_MS, (path) => {
    const reason = 'a file of the model changed on disk'
    log.error({ path }, reason)
    replaceEngine(reason)
  })
  const sampled = new SampledVerification(context, scheduler, {
    share: config.VERIFY_PERCENT / 100,
    onVerified(verdict, found) {
      metrics.verified(verdict)
      if (verdict === 'pass') return
      // Ids and values only: check messages and tokens could show a client's text.
      const checks = found.map(({ id, status, value, tolerance }) => ({ id, status, value, tolerance }))
      log[verdict === 'fail' ? 'error' : 'warn']({ checks }, 'a sampled verification did not pass')
      if (verdict !== 'fail') return
      scheduler.forgetResults()
      void canary.run()
    },
    onFailed: (error) => onFailed('sampled_verification', error)
  })
  logprobEvaluator.listen((encoded, scored) => sampled.consider(encoded, scored))
  completionsEvaluator.listen(({ encoded, scored }) => sampled.consider(encoded, scored))
  perplexityEvaluator.listen(({ encoded, scored }) => sampled.consider(encoded, scored))
  return {
    stop() {
      canary.stop()
      files.stop()
    }
  }
}

/**
 * Checks every `intervalMs` whether a model file has changed, so that an idle service notices too. After each call of
 * `onChange` it compares with the changed files.
 */
export function watchModelFiles(paths: readonly string[], intervalMs: number, onChange: (path: string) => void): { stop(): void } {
  let detector = new FileChangeDetector(paths)
  const timer = setInterval(() => {
    const changed = detector.changedFile()
    if (changed === null) return
    detector = new FileChangeDetector(paths)
    onChange(changed)
  }, intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}
