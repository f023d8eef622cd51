import type { RerankRequest } from '../../src/rerank/request.ts'
import type { ScoredDocument } from '../../src/rerank/scored-document.ts'
import { rerankTemplates } from '../../src/rerank/template.ts'

export const BUILT_IN_TEMPLATES = rerankTemplates('')

/** A request that belongs to no dialect, with changes. */
export function rerankOf(changes: Partial<RerankRequest> = {}): RerankRequest {
  return {
    scoring: 'log_prob',
    query: 'a',
    documents: [' a'],
    field: 'documents',
    direction: 'document_given_query',
    separator: '',
    normalization: { kind: 'per_token' },
    truncation: 'none',
    limits: { max_tokens_per_doc: null, max_tokens_per_query: null, truncate_prompt_tokens: null },
    ...changes
  }
}

/** A scored document with this normalized log-probability. */
export function documentOf(index: number, normalizedLogProb: number, baselineLogProb: number | null = null): ScoredDocument {
  const lengths = { tokens: 2, chars: 3, bytes: 4 }
  return {
    index,
    text: `document ${index}`,
    logProb: 2 * normalizedLogProb,
    baselineLogProb,
    normalizedLogProb,
    relevanceScore: Math.exp(normalizedLogProb),
    labels: null,
    counts: { x: lengths, y: lengths },
    warnings: []
  }
}
