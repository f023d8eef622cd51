import type { Warning } from '../../logprob/encoded-item.ts'
import type { Lengths } from '../../scoring/normalized.ts'
import type { ScoredDocument } from '../scored-document.ts'

/** What a result says beside its score in either dialect; log-probabilities in nats. */
export interface DocumentNumbers {
  readonly log_prob: number
  readonly normalized_log_prob: number
  readonly baseline_log_prob?: number
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly warnings: readonly Warning[]
}

export function documentNumbers({ logProb, normalizedLogProb, baselineLogProb, counts, warnings }: ScoredDocument): DocumentNumbers {
  return {
    log_prob: logProb,
    normalized_log_prob: normalizedLogProb,
    ...(baselineLogProb === null ? {} : { baseline_log_prob: baselineLogProb }),
    counts,
    warnings
  }
}
