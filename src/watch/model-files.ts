import { WeightsGuard } from '../model/weights/weights-guard.ts'

/**
 * Looks every `intervalMs` whether the files of the model are still what they were, so that a service without requests
 * notices too. Looks again, with new eyes, after each call of `onChange`.
 */
export function watchModelFiles(paths: readonly string[], intervalMs: number, onChange: (path: string) => void): { stop(): void } {
  let guard = new WeightsGuard(paths)
  const timer = setInterval(() => {
    const changed = guard.changedFile()
    if (changed === null) return
    guard = new WeightsGuard(paths)
    onChange(changed)
  }, intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}
