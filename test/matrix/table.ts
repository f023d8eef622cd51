import type { Outcome } from './run-model.ts'

const HEADER = ['model', 'architecture', 'layout', 'dtype', 'operators', 'tokens', 'to float64', 'to onnxruntime', 'batched', 'checks', 'result']

/** The matrix as a Markdown table: largest absolute difference, nats per token. */
export function matrixTable(outcomes: readonly Outcome[]): string {
  return [HEADER, HEADER.map(() => '---'), ...outcomes.map(cells)].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function cells(outcome: Outcome): string[] {
  const { model, architecture, layout, dtype, operators, tokens, toFloat64, toRuntime, toRuntimeBatched, verdict } = outcome
  const described = [model, architecture, layout, dtype, operators.join(' ')]
  if (verdict === null) return [...described, '', '', '', '', '', resultOf(outcome)]
  return [...described, String(tokens), ...[toFloat64, toRuntime, toRuntimeBatched].map(nats), verdict, resultOf(outcome)]
}

function resultOf({ problem, refusal }: Outcome): string {
  if (problem !== null) return `FAILED: ${problem.replaceAll('|', '\\|')}`
  return refusal === null ? 'ok' : `refused: ${refusal.replaceAll('|', '\\|')}`
}

function nats(value: number | null): string {
  return value === null ? '' : value.toExponential(1)
}
