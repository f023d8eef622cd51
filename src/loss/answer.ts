import { elementAt } from '../element-at.ts'
import { tokenText } from '../encoding/token-text.ts'
import type { RowScores, ScoringSequence } from '../engine/engine.ts'
import { scoredSequence } from '../evaluation/scored-item.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../evaluation/sequence-integrity.ts'
import type { Usage, WorkUsage } from '../evaluation/usage.ts'
import { type Check, type Checks, verdictOf } from '../scoring/checks/check.ts'
import { REQUEST_CHECKS, type SequenceIntegrity } from '../scoring/checks/request-checks.ts'
import type { LossDiagnosis } from '../scoring/loss/conventions.ts'
import { type Finding, labelFindings } from '../scoring/loss/findings.ts'
import { isTrained, labelOf, type Reason, weightsOf } from '../scoring/loss/labels.ts'
import { lossConventionCheck, maskSanityCheck } from '../scoring/loss/loss-checks.ts'
import { gradNorm, type LossTotals, lossTotals } from '../scoring/loss/totals.ts'
import type { Part, ScoredSequence } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { LossOptions } from './request.ts'
import { summaryOf } from './summary.ts'

/** One token of a training example, as the response shows it. */
export interface LossToken {
  readonly id: number
  /** For display; `bytes` (base64) is exact even where a character spans tokens. */
  readonly text: string
  readonly bytes: string
  readonly part: Part
  /** The id to predict, or -100 when the token is masked. It is not `id` only where the labels of a request differ. */
  readonly label: number
  readonly reason: Reason
  readonly weight: number
  /** Nats; null for the first token of a sequence. */
  readonly log_prob: number | null
  /** weight * -log_prob; 0 when masked. */
  readonly loss: number
  /** Norm of the gradient of `loss` with respect to the logits of its row; 0 when masked. */
  readonly grad_norm: number
}

/** The response of POST /v1/loss, without the fields that all responses share. */
export interface LossAnswer {
  /** Absent with detail summary. */
  readonly tokens?: readonly LossToken[]
  readonly loss_sum: number
  readonly loss_mean: number | null
  readonly loss_denominator: number
  readonly trained_tokens: number
  readonly full_sequence: { readonly loss_sum: number; readonly loss_mean: number | null; readonly tokens: number }
  readonly log_prob: { readonly joint: number; readonly marginal: number | null; readonly conditional: number }
  readonly log_prob_eos?: number
  readonly conditional_on_first_token?: true
  readonly padding?: { readonly left: number; readonly right: number }
  readonly checks: Checks
  readonly diagnosis: { readonly summary: string; readonly findings: readonly Finding[]; readonly reported_loss?: LossDiagnosis }
  readonly usage: Usage
}

/** The response for one example, with all tokens. */
export interface DetailedLossAnswer extends LossAnswer {
  readonly tokens: readonly LossToken[]
}

export interface ScoredExample {
  readonly example: EncodedExample
  readonly sequence: ScoredSequence
  readonly rows: RowScores
  readonly integrity: SequenceIntegrity
}

/** What to score of an example: every token but the first. */
export function sequenceOf({ ids, targets }: EncodedExample): ScoringSequence {
  return { ids, firstScored: 1, ...(targets === undefined ? {} : { targets: targets.subarray(1) }) }
}

/**
 * `rows` covers tokens 1 to n-1. Throws `scores_mismatched` or `non_finite_logits`: such scores must never reach a sum.
 */
export function scoredExample(example: EncodedExample, rows: RowScores): ScoredExample {
  const { ids, targets = ids, inputInfo } = example
  const integrity = sequenceIntegrityOf(sequenceOf(example), rows)
  assertSequenceIntegrity(integrity)
  const sequence = scoredSequence({ ids: targets, sizes: inputInfo.sizes, scoredStart: 1, scoredEnd: ids.length }, rows)
  return { example, sequence, rows, integrity }
}

interface AnswerParts {
  readonly scored: ScoredExample
  readonly options: LossOptions
  readonly tokenizer: Tokenizer
  readonly diagnosis: LossDiagnosis | null
  readonly detail: 'tokens' | 'summary'
  readonly work: WorkUsage
}

/** Labels, sums, checks and findings of a scored example. */
export function lossAnswer({ scored, options, tokenizer, diagnosis, detail, work }: AnswerParts): LossAnswer {
  const { example, sequence } = scored
  const { reasons } = example
  const { logProbs } = sequence
  const weights = weightsOf(reasons, logProbs, options.promptLossWeight)
  const totals = lossTotals({ reasons, logProbs, weights })
  const findings = [...labelFindings({ reasons, logProbs, promptLossWeight: options.promptLossWeight }), ...example.findings]
  const { lossSum, lossMean, denominator, trainedTokens, fullSequence } = totals
  return {
    ...(detail === 'tokens' ? { tokens: lossTokens(scored, weights, tokenizer) } : {}),
    loss_sum: lossSum,
    loss_mean: lossMean,
    loss_denominator: denominator,
    trained_tokens: trainedTokens,
    full_sequence: { loss_sum: fullSequence.lossSum, loss_mean: fullSequence.lossMean, tokens: fullSequence.tokens },
    log_prob: { joint: totals.joint, marginal: totals.marginal, conditional: totals.conditional },
    ...(totals.eos === null ? {} : { log_prob_eos: totals.eos }),
    ...(reasons[0] === 'bos' ? {} : { conditional_on_first_token: true as const }),
    ...(example.padding === undefined ? {} : { padding: example.padding }),
    checks: verdictOf(checksOf(scored, totals, diagnosis)),
    diagnosis: {
      summary: summaryOf({ totals, tokenCount: reasons.length, findings, diagnosis }),
      findings,
      ...(diagnosis === null ? {} : { reported_loss: diagnosis })
    },
    usage: usageOf(reasons, work)
  }
}

function lossTokens(
  { example: { ids, targets = ids, reasons }, sequence, rows }: ScoredExample,
  weights: readonly number[],
  tokenizer: Tokenizer
): LossToken[] {
  const { detail } = rows
  if (detail === null) throw new Error('the rows have no detail, and gradient norms need its sums of squared probabilities')
  return Array.from(ids, (id, position) => {
    const reason = elementAt(reasons, position)
    const weight = elementAt(weights, position)
    const logProb = elementAt(sequence.logProbs, position)
    const isMasked = weight === 0 || logProb === null
    return {
      ...tokenText(id, tokenizer),
      part: PARTS[reason],
      label: labelOf(elementAt(targets, position), weight),
      reason,
      weight,
      log_prob: logProb,
      loss: isMasked ? 0 : 0 - weight * logProb,
      grad_norm: isMasked ? 0 : weight * gradNorm(logProb, elementAt(detail.probSquareSums, position - 1))
    }
  })
}

const PARTS: Readonly<Record<Reason, Part>> = { bos: 'prefix', completion: 'y', eos: 'eos', prompt: 'x', masked: 'x', template: 'x', straddle: 'x' }

function checksOf({ example, sequence, integrity }: ScoredExample, totals: LossTotals, diagnosis: LossDiagnosis | null): Check[] {
  const { inputInfo, reasons, ids } = example
  const sums = {
    joint: totals.joint,
    marginal: totals.marginal,
    conditional: totals.conditional,
    eos: totals.eos,
    isConditionalOnFirstToken: reasons[0] !== 'bos'
  }
  const subject = { sequence, sums, inputInfo, integrity }
  return [
    ...REQUEST_CHECKS.map((run) => run(subject)).map((each) => (each.id === 'boundary' ? example.boundary : each)),
    maskSanityCheck({
      tokenCount: ids.length,
      reasons,
      trainedTokens: totals.trainedTokens,
      spellsCompletion: example.spellsCompletion,
      strayControlTokens: example.strayControlTokens
    }),
    lossConventionCheck(diagnosis, totals.lossMean)
  ]
}

function usageOf(reasons: readonly Reason[], work: WorkUsage): Usage {
  const completionTokens = reasons.filter(isTrained).length
  return {
    prompt_tokens: reasons.length - completionTokens,
    completion_tokens: completionTokens,
    total_tokens: reasons.length,
    ...work
  }
}
