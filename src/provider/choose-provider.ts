import { ServiceError } from '../errors.ts'
import { findProviderInfo, hasCudaProvider } from './provider-info.ts'
import { INSTALL_COMMAND, type ProviderReport, providerReport } from './provider-report.ts'

/** The execution provider that runs the model, and why. */
export interface ProviderChoice {
  readonly executionProvider: 'cpu' | 'cuda'
  readonly reason: string
}

/**
 * Resolves --execution-provider. `auto` selects CUDA when everything it needs is found, else the CPU. `cuda` never
 * falls back: when CUDA cannot run, this throws `configuration_invalid` with what is missing and what to do.
 * `libraryPath` is LD_LIBRARY_PATH.
 */
export function chooseProvider(wanted: 'auto' | 'cpu' | 'cuda', libraryPath: string | undefined): ProviderChoice {
  if (wanted === 'cpu') return { executionProvider: 'cpu', reason: 'asked for' }
  // The common case needs no more than one check of the disk.
  if (wanted === 'auto' && !hasCudaProvider()) return { executionProvider: 'cpu', reason: `auto: the CUDA provider is not installed (${INSTALL_COMMAND})` }
  return choiceFrom(wanted, providerReport(findProviderInfo(libraryPath)))
}

/** Makes the choice from a report. */
export function choiceFrom(wanted: 'auto' | 'cuda', report: ProviderReport): ProviderChoice {
  const missing = report.items.filter(({ status }) => status === 'missing')
  if (missing.length === 0)
    return {
      executionProvider: 'cuda',
      reason: wanted === 'cuda' ? 'asked for' : `auto: CUDA ${report.cudaMajor ?? ''} provider, its libraries and a GPU were found`
    }
  if (wanted === 'auto') return { executionProvider: 'cpu', reason: `auto: CUDA cannot be used without ${missing.map(({ what }) => what).join(', ')}` }
  const faults = missing.map(({ what, advice }) => `${what} (${advice})`)
  throw new ServiceError(
    'configuration_invalid',
    `CUDA cannot be used. Missing: ${faults.join('; ')}. Run logpr inspect --provider for the full report, or use --execution-provider cpu`
  )
}
