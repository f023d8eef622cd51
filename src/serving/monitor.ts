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
 * What looks after a served model: a canary, a share of the traffic verified again, and the model's files. What it finds
 * wrong replaces the engine process, which is not ready again before it has passed the self-test on unchanged files.
 */
export function startModelMonitor(
  config: Config,
  { engine, scheduler }: ScoringBackend,
  { model, logprobEvaluator, completionsEvaluator, context, modelPaths }: ReadyBackend,
  metrics: Pick<ModelMetrics, 'verified' | 'wrongCanary' | 'monitorFailed'>,
  log: Logger
): ModelMonitor {
  const replace = (reason: string): void => {
    scheduler.forgetResults()
    engine.replace(reason)
  }
  const failed = (monitor: Monitor, thrown: unknown): void => {
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
        log.error({ maxDifferenceNats, toleranceNats: model.selfTest.toleranceNats }, 'a known text has other numbers than at the start')
        replace('a known text has other numbers than at the start')
      },
      onFailed: (error) => failed('canary', error)
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
    },
    onFailed: (error) => failed('sampled_verification', error)
  })
  logprobEvaluator.listen((encoded, scored) => sampled.consider(encoded, scored))
  completionsEvaluator.listen(({ encoded, scored }) => sampled.consider(encoded, scored))
  return {
    stop() {
      canary.stop()
      files.stop()
    }
  }
}

/**
 * Looks every `intervalMs` whether the files of the model are still what they were, so that a service without requests
 * notices too. Looks again, with new eyes, after each call of `onChange`.
 */
export function watchModelFiles(paths: readonly string[], intervalMs: number, onChange: (path: string) => void): { stop(): void } {
  let guard = new FileChangeDetector(paths)
  const timer = setInterval(() => {
    const changed = guard.changedFile()
    if (changed === null) return
    guard = new FileChangeDetector(paths)
    onChange(changed)
  }, intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}
