import { elementAt, entryOf } from '../element-at.ts'
import type { Warning } from '../encoding/encoded-item.ts'
import { DEFAULT_OPTIONS, type LogprobItem, type LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { LogprobEvaluator } from '../evaluation/logprob-evaluator.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import { mapInSlices } from '../event-loop.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import { assertTokensWithin, documentError } from './document-error.ts'
import { rerankUsage, type ScoredDocuments } from './evaluate.ts'
import { logistic } from './normalization.ts'
import type { YesNoRequest } from './request.ts'
import { conditionalOf, type LabelScores, type ScoredDocument, warningsOf } from './scored-document.ts'
import { PLACEHOLDER, type RerankTemplate } from './template.ts'

type Scorer = Pick<LogprobEvaluator, 'encode' | 'encodeTexts' | 'evaluateEncoded'>

/** Pr(yes) + Pr(no) below which the model most likely does not know the template. */
const IMPROBABLE_MASS = 0.1

/**
 * Scores all documents of a request by log Pr(yes) - log Pr(no) after the template. Both labels of a document take one
 * pass if each is one token, and all documents share the tokens of the prompt before them. Throws `queue_full`, and the
 * error of the first document that cannot be scored.
 */
export async function scoreYesNo(request: YesNoRequest, scorer: Scorer, terms: WorkTerms): Promise<ScoredDocuments> {
  const { documents, template, field } = request
  const firstIndex = new Map<string, number>()
  documents.forEach((text, index) => {
    if (!firstIndex.has(text)) firstIndex.set(text, index)
  })
  const located = [...firstIndex].map(([text, index]) => ({ text, index, param: `${field}/${index}` }))
  const labels = await labelIds(template, scorer, terms)
  const prompts = await promptIds(request, located, scorer, terms)
  const items = located.flatMap(({ param }, at) =>
    labels.map((y, label): LogprobItem => {
      return { index: at * labels.length + label, candidate: label, id: null, x: elementAt(prompts, at), y, param: { x: param, y: 'template' } }
    })
  )
  const options: LogprobOptions = { ...DEFAULT_OPTIONS, terms: new Set(['conditional'] as const), prefixToken: template.hasPrefixToken ? 'auto' : 'none' }
  const documentOf = (item: number): number => elementAt(located, Math.floor(item / labels.length)).index
  const fail = (error: ServiceError, item: number): never => {
    throw documentError(error, documentOf(item), { field, truncation: 'none' })
  }
  const encoded = (await scorer.encode(items, options, terms)).map((item, i) => (item instanceof ServiceError ? fail(item, i) : item))
  encoded.forEach(({ ids, sizes }, i) => {
    assertTokensWithin('truncate_prompt_tokens', `the prompt with ${field}/${documentOf(i)}`, ids.length - sizes.y, request)
  })
  const { outcomes, usage } = await scorer.evaluateEncoded(items, encoded, options, terms)
  const scored = (await Promise.all(outcomes)).map((outcome, i): ScoredItem => ('error' in outcome ? fail(outcome.error, i) : outcome))
  const place = new Map(located.map(({ text }, at) => [text, at * labels.length]))
  const results = await mapInSlices(documents, (text, index): ScoredDocument => {
    const at = entryOf(place, text)
    return documentOfLabels(text, index, elementAt(scored, at), elementAt(scored, at + 1))
  })
  const itemOf = documents.map((text) => entryOf(place, text))
  return { documents: results, normalization: null, warnings: [], usage: rerankUsage(encoded, itemOf, await usage) }
}

function documentOfLabels(text: string, index: number, yes: ScoredItem, no: ScoredItem): ScoredDocument {
  const [yesLogProb, noLogProb] = [conditionalOf(yes), conditionalOf(no)]
  const logOdds = yesLogProb - noLogProb
  const labels: LabelScores = { yes: yesLogProb, no: noLogProb, mass: Math.exp(yesLogProb) + Math.exp(noLogProb) }
  return {
    index,
    text,
    logProb: yesLogProb,
    baselineLogProb: null,
    normalizedLogProb: logOdds,
    relevanceScore: logistic(logOdds),
    labels,
    counts: yes.encoded.lengths,
    warnings: [...warningsOf(yes), ...massWarnings(labels)]
  }
}

function massWarnings({ mass }: LabelScores): Warning[] {
  if (mass >= IMPROBABLE_MASS) return []
  return [
    {
      code: 'labels_improbable',
      message: `the model gives the two labels a probability of ${mass.toPrecision(2)} together, so their comparison says little: use the template that it was trained with`
    }
  ]
}

/** The ids of yes and of no. Throws `invalid_request` when the model cannot have been trained with the template. */
async function labelIds({ name, labels, controlTokens }: RerankTemplate, scorer: Scorer, terms: WorkTerms): Promise<readonly number[][]> {
  const ofTemplate = (text: string): { text: string; param: string } => ({ text, param: 'template' })
  const controls = await scorer.encodeTexts(controlTokens.map(ofTemplate), true, terms)
  const missing = controlTokens.find((_, i) => elementAt(controls, i).length !== 1)
  if (missing !== undefined)
    throw new ServiceError(
      'invalid_request',
      `template ${name} needs the token ${missing}, which this model does not have, so it was not trained with it: name another one in template, or start logpr with --rerank-template`,
      { param: 'template' }
    )
  return (await scorer.encodeTexts([labels.yes, labels.no].map(ofTemplate), false, terms)).map((ids) => [...ids])
}

/** The prompt of each document as token ids. Pieces that do not contain the document are tokenized once. */
async function promptIds(
  request: YesNoRequest,
  documents: readonly { readonly text: string; readonly param: string }[],
  scorer: Scorer,
  terms: WorkTerms
): Promise<number[][]> {
  const { template, query, instruction, limits } = request
  const fill = (piece: string, document: string): string => {
    const values = new Map(Object.entries({ query, instruction, document }))
    return piece.replaceAll(PLACEHOLDER, (_, name: string) => entryOf(values, name))
  }
  await assertShort('max_tokens_per_query', [{ text: query, param: 'query' }])
  await assertShort('max_tokens_per_doc', documents)
  const pieces = await Promise.all(
    template.pieces.map((piece) => {
      if (piece.includes('{document}'))
        return scorer.encodeTexts(
          documents.map(({ text, param }) => ({ text: fill(piece, text), param })),
          false,
          terms
        )
      return scorer.encodeTexts([{ text: fill(piece, ''), param: 'query' }], piece.search(PLACEHOLDER) < 0, terms)
    })
  )
  return mapInSlices(documents, (_, i) => pieces.flatMap((ids) => [...elementAt(ids, ids.length === 1 ? 0 : i)]))

  async function assertShort(limit: 'max_tokens_per_query' | 'max_tokens_per_doc', texts: typeof documents): Promise<void> {
    if (limits[limit] === null) return
    const ids = await scorer.encodeTexts(texts, false, terms)
    texts.forEach(({ param }, i) => {
      assertTokensWithin(limit, param, elementAt(ids, i).length, { limits })
    })
  }
}
