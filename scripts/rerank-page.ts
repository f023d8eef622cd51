import { loadConfig } from '../src/config/load-config.ts'
import type { RerankBody } from '../src/rerank/dialects/body.ts'
import { jinaRequest, jinaResults } from '../src/rerank/dialects/jina.ts'
import { teiRanks, teiRequest } from '../src/rerank/dialects/tei.ts'
import { scoreDocuments } from '../src/rerank/evaluate.ts'
import { rerankTemplates } from '../src/rerank/template.ts'
import { scoreYesNo } from '../src/rerank/yes-no.ts'
import { startBackend } from '../src/serving/backend.ts'
import { askedExample } from './asked-example.ts'

const QUERY = 'The children ran down to the'
const DOCUMENTS = ['parliament', 'river', 'sea and swam until it was dark']
/** Number of decimals that agree on every machine in float32. */
const DECIMALS = 3
/** Turns caches off, so that no example reuses results of an earlier one. */
const EACH_COMPUTED = { LOGPR_RESULT_CACHE_BYTES: '0', LOGPR_PREFIX_CACHE_BYTES: '0' }

const templates = rerankTemplates('')

/** The generated blocks of docs/guides/rerank.md by name, computed with the embedded model. */
export async function rerankBlocks(): Promise<Readonly<Record<string, string>>> {
  const silent = (): void => {}
  const backend = startBackend(loadConfig([], EACH_COMPUTED).config, { info: silent, warn: silent, error: silent })
  try {
    const { logprobEvaluator } = await backend.ready
    const terms = { signal: AbortSignal.timeout(60_000) }
    const jinaBlock = async (body: RerankBody): Promise<string> => {
      const request = jinaRequest(body, templates)
      const scored = await (request.scoring === 'yes_no' ? scoreYesNo(request, logprobEvaluator, terms) : scoreDocuments(request, logprobEvaluator, terms))
      const { documents, normalization, usage } = scored
      const rest =
        request.scoring === 'yes_no'
          ? { scoring: request.scoring, template: request.template.name, usage }
          : { scoring: request.scoring, direction: request.direction, normalization: normalization?.kind, separator: request.separator, usage }
      const results = jinaResults(documents, body).map(line).join(',\n    ')
      return askedExample('/v1/rerank', body, `{\n  "results": [\n    ${results}\n  ],\n  ${line(rest).slice(2, -2)}\n}`)
    }
    const teiBody: RerankBody = { query: QUERY, texts: DOCUMENTS, raw_scores: true }
    const teiAsked = teiRequest(teiBody, templates)
    if (teiAsked.scoring === 'yes_no') throw new Error('the example of the list ranks by log-probability')
    const tei = await scoreDocuments(teiAsked, logprobEvaluator, terms)
    return {
      jina: await jinaBlock({ query: QUERY, documents: DOCUMENTS, top_n: 2 }),
      tei: askedExample('/rerank', teiBody, `[\n  ${teiRanks(tei, teiBody).map(line).join(',\n  ')}\n]`),
      dc_pmi: await jinaBlock({ query: QUERY, documents: DOCUMENTS, normalization: 'dc_pmi', domain_prompt: 'They went to the', return_documents: false }),
      yes_no: await jinaBlock({
        query: 'Where did the children run?',
        documents: ['They ran down to the river.', 'It was a cold day.'],
        scoring: 'yes_no',
        template: 'bge-reranker-v2-gemma',
        return_documents: false
      })
    }
  } finally {
    await backend.close()
  }
}

function line(value: object): string {
  const text = JSON.stringify(value, (_, each: unknown) => (typeof each === 'number' && !Number.isInteger(each) ? shortened(each) : each), 1)
  return text.replaceAll(/\n */g, ' ')
}

/** Rounded, but neither a small probability to 0 nor a large score to 1. */
function shortened(value: number): number {
  const rounded = Number(value.toFixed(DECIMALS))
  if (rounded === 0) return Number(value.toPrecision(2))
  return rounded === 1 ? Number(value.toFixed(7)) : rounded
}
