import { ServiceError } from '../errors.ts'
import { findProviderInfo, hasCudaProvider } from './provider-info.ts'
import { INSTALL_COMMAND, type ProviderReport, providerReport } from './provider-report.ts'

/** What runs the model, and why. */
export interface ProviderChoice {
  readonly executionProvider: 'cpu' | 'cuda'
  readonly reason: string
}

/**
 * What runs the model here. `auto` takes CUDA where all that it needs is found, else the CPU. Throws `configuration_invalid`
 * with what is missing and what to do when `cuda` was asked for and cannot run: there is no silent change to the CPU.
 * `libraryPath` is LD_LIBRARY_PATH.
 */
export function chooseProvider(wanted: 'auto' | 'cpu' | 'cuda', libraryPath: string | undefined): ProviderChoice {
  if (wanted === 'cpu') return { executionProvider: 'cpu', reason: 'asked for' }
  // The usual case costs one look at the disk.
  if (wanted === 'auto' && !hasCudaProvider()) return { executionProvider: 'cpu', reason: `auto: the CUDA provider is not installed (${INSTALL_COMMAND})` }
  return choiceFrom(wanted, providerReport(findProviderInfo(libraryPath)))
}

/** The same from what was found. */
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
    `CUDA cannot be used here. Missing: ${faults.join('; ')}. logpr inspect --provider true shows all; --execution-provider cpu runs without`
  )
}
