import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { DEFAULT_THRESHOLDS, HEURISTICS, type Heuristics, heuristicsOf } from '../../perplexity/heuristics.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { HEURISTIC_RESPONSE, HEURISTICS_REQUEST, HEURISTICS_RESPONSE, type HeuristicsRequest } from '../schemas/heuristics.ts'
import { response, type Schema } from '../schemas/json-schema.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

interface HeuristicsRoute {
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly wanted: readonly (typeof HEURISTICS)[number][]
  readonly answer: Schema
  readonly bodyOf: (found: Heuristics) => object
}

const ROUTES: readonly HeuristicsRoute[] = [
  {
    path: '/heuristics',
    operationId: 'checkHeuristics',
    summary: 'Check a prompt with the perplexity heuristics of NeMo Guardrails',
    wanted: HEURISTICS,
    answer: HEURISTICS_RESPONSE,
    bodyOf: ({ lengthPerPerplexity, prefixSuffixPerplexity, scores }) => ({
      jailbreak: lengthPerPerplexity || prefixSuffixPerplexity,
      length_per_perplexity: lengthPerPerplexity,
      prefix_suffix_perplexity: prefixSuffixPerplexity,
      scores
    })
  },
  {
    path: '/jailbreak_lp_heuristic',
    operationId: 'checkLengthPerPerplexity',
    summary: 'Check whether a prompt is long for its perplexity, as NeMo Guardrails does',
    wanted: ['lengthPerPerplexity'],
    answer: HEURISTIC_RESPONSE,
    bodyOf: ({ lengthPerPerplexity, scores }) => ({ jailbreak: lengthPerPerplexity, scores })
  },
  {
    path: '/jailbreak_ps_heuristic',
    operationId: 'checkPrefixSuffixPerplexity',
    summary: 'Check whether the first or last words of a prompt are hard to predict, as NeMo Guardrails does',
    wanted: ['prefixSuffixPerplexity'],
    answer: HEURISTIC_RESPONSE,
    bodyOf: ({ prefixSuffixPerplexity, scores }) => ({ jailbreak: prefixSuffixPerplexity, scores })
  }
]

/** The jailbreak detection server of NeMo Guardrails, without its classifier. */
export const heuristicsRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  for (const { path, operationId, summary, wanted, answer, bodyOf } of ROUTES)
    app.post<{ Body: HeuristicsRequest }>(
      path,
      {
        onRequest: requests.refuseBeforeBody,
        schema: {
          operationId,
          summary,
          description:
            "In the format of NeMo Guardrails' jailbreak detection server. The default thresholds are those that it found for gpt2-large: find your own for another model, with `scores`.",
          tags: ['Scoring'],
          body: HEURISTICS_REQUEST,
          response: { 200: response('What was found.', answer), ...errorResponses(ERRORS.scoring) }
        }
      },
      async (request, reply) => bodyOf(await found(request, reply, wanted, requests))
    )
}

async function found(
  request: FastifyRequest<{ Body: HeuristicsRequest }>,
  reply: FastifyReply,
  wanted: HeuristicsRoute['wanted'],
  requests: ScoringRequests
): Promise<Heuristics> {
  const { perplexityEvaluator, itemsScored, assertRoom } = requests.model(request)
  const { prompt, lp_threshold: lengthPerPerplexity, ps_ppl_threshold: prefixSuffixPerplexity } = request.body
  const terms = requests.begin(request, reply, { assertRoom }, 1)
  const thresholds = {
    lengthPerPerplexity: lengthPerPerplexity ?? DEFAULT_THRESHOLDS.lengthPerPerplexity,
    prefixSuffixPerplexity: prefixSuffixPerplexity ?? DEFAULT_THRESHOLDS.prefixSuffixPerplexity
  }
  const heuristics = await heuristicsOf(prompt, thresholds, wanted, perplexityEvaluator, terms)
  itemsScored(1)
  return heuristics
}
