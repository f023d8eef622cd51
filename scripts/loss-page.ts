import { loadConfig } from '../src/config/load-config.ts'
import type { DetailedLossAnswer, LossToken } from '../src/loss/answer.ts'
import { type LossBody, lossRequestOf } from '../src/loss/request.ts'
import { consistencyOf } from '../src/scoring/consistency/consistency.ts'
import { startBackend } from '../src/serving/backend.ts'
import { askedExample } from './asked-example.ts'
import { maskedSequenceFigure } from './masked-sequence-figure.ts'

const REPORTED = { joint: -3.5, marginal: -5.2 }
const SEGMENTS = [
  { text: 'User: What is 2+2?\nAssistant: ', train: false },
  { text: '4', train: true }
]
const MESSAGES = [
  { role: 'user', content: 'What is 2+2?' },
  { role: 'assistant', content: '4' }
]
/** Number of decimals that agree on every machine in float32. */
const DECIMALS = 3

/** The generated blocks of docs/guides/loss.md by name and the page's figure, computed with the embedded model. */
export async function lossPage(): Promise<{ readonly blocks: Readonly<Record<string, string>>; readonly figure: string }> {
  const silent = (): void => {}
  const backend = startBackend(loadConfig([], { LOGPR_RESULT_CACHE_BYTES: '0', LOGPR_PREFIX_CACHE_BYTES: '0' }).config, {
    info: silent,
    warn: silent,
    error: silent
  })
  try {
    const { lossEvaluator } = await backend.ready
    const answerOf = (body: LossBody): Promise<DetailedLossAnswer> => lossEvaluator.evaluate(lossRequestOf(body), { signal: AbortSignal.timeout(60_000) })
    const masked = await answerOf({ segments: SEGMENTS })
    const mistaken = { segments: SEGMENTS, reported_loss: rounded(masked.full_sequence.loss_mean ?? 0) }
    return {
      figure: maskedSequenceFigure(masked.tokens),
      blocks: {
        check: askedExample('/v1/check', REPORTED, shortened(consistencyOf(REPORTED))),
        masked: askedExample('/v1/loss', { segments: SEGMENTS }, lossShown(masked)),
        messages: askedExample('/v1/loss', { messages: MESSAGES }, lossShown(await answerOf({ messages: MESSAGES }))),
        mistake: askedExample('/v1/loss', mistaken, diagnosisShown(await answerOf(mistaken)))
      }
    }
  } finally {
    await backend.close()
  }
}

function lossShown({ tokens, loss_sum, loss_mean, trained_tokens, full_sequence, diagnosis }: DetailedLossAnswer): string {
  const shown = (token: LossToken): object => {
    const { id, text, label, reason, loss, grad_norm } = token
    return { id, text, label, reason, loss, grad_norm }
  }
  const trained = tokens.findIndex(({ label }) => label !== -100)
  const rows = [tokens[0], tokens[1], tokens[trained]].flatMap((token) => (token === undefined ? [] : [`    ${line(shown(token))}`]))
  const rest = { loss_sum, loss_mean, trained_tokens, full_sequence, diagnosis: { summary: diagnosis.summary } }
  const fields = Object.entries(rest).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${typeof value === 'object' && value !== null ? line(value) : numbers(value)}`
  )
  return `{\n  "tokens": [\n${rows.join(',\n')}\n  ],\n${fields.join(',\n')}\n}`
}

function diagnosisShown({ diagnosis: { summary, reported_loss: reported } }: DetailedLossAnswer): string {
  const { verdict, conventions = [] } = reported ?? {}
  const closest = conventions.slice(0, 1).map(({ convention, value, message }) => ({ convention, value, message }))
  return shortened({ diagnosis: { summary, reported_loss: { verdict, conventions: closest } } })
}

function shortened(answer: object): string {
  return JSON.stringify(answer, (_, value: unknown) => (typeof value === 'number' ? rounded(value) : value), 2)
}

/** An object on one line. */
function line(value: object): string {
  return `{ ${Object.entries(value)
    .map(([name, field]) => `${JSON.stringify(name)}: ${numbers(field)}`)
    .join(', ')} }`
}

function numbers(value: unknown): string {
  return JSON.stringify(typeof value === 'number' ? rounded(value) : value)
}

function rounded(value: number): number {
  return Number(value.toFixed(DECIMALS))
}
