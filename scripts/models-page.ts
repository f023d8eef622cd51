import type { MatrixResults } from '../test/matrix/results.ts'
import type { Outcome } from '../test/matrix/run-model.ts'

/** The tables of docs/reference/models.md, from the stored matrix. */
export function modelsBlocks(results: MatrixResults): Readonly<Record<string, string>> {
  const { outcomes } = results
  const scored = outcomes.filter(({ toFloat64 }) => toFloat64 !== null)
  const plain = scored.filter(({ model, architecture, dtype }) => model === architecture && dtype === 'fp32')
  const others = scored.filter((outcome) => !plain.includes(outcome))
  return {
    architectures: table(['architecture', 'tokens', 'from float64', 'from onnxruntime', 'from onnxruntime, batched'], plain, (outcome) => [
      outcome.architecture,
      String(outcome.tokens),
      ...differences(outcome)
    ]),
    layouts: table(
      ['model', 'layout', 'dtype', 'notable operators', 'from float64', 'from onnxruntime', 'from onnxruntime, batched'],
      others.filter(({ model }) => !model.endsWith('-dtypes')),
      (outcome) => [outcome.architecture, outcome.layout, outcome.dtype, outcome.operators.join(' '), ...differences(outcome)]
    ),
    weights: table(
      ['model', 'dtype', 'notable operators', 'from float64', 'from onnxruntime', 'from onnxruntime, batched'],
      others.filter(({ model }) => model.endsWith('-dtypes')),
      (outcome) => [outcome.architecture, outcome.dtype, outcome.operators.join(' '), ...differences(outcome)]
    ),
    refused: table(
      ['model', 'reason given'],
      outcomes.filter(({ refusal, problem }) => refusal !== null && problem === null),
      ({ layout, refusal }) => [layout, refusal ?? '']
    ),
    run: `logpr ${results.logpr}, onnxruntime ${results.onnxruntime}: ${outcomes.length} model files tested, ${outcomes.filter(({ problem }) => problem !== null).length} mismatches.`
  }
}

/** Nats per token. */
function differences({ toFloat64, toRuntime, toRuntimeBatched }: Outcome): string[] {
  return [toFloat64, toRuntime, toRuntimeBatched].map((value) => value?.toExponential(1) ?? '')
}

function table(header: readonly string[], outcomes: readonly Outcome[], cellsOf: (outcome: Outcome) => readonly string[]): string {
  const rows = outcomes.map((outcome) => `| ${cellsOf(outcome).join(' | ')} |`)
  return [`| ${header.join(' | ')} |`, `|${'---|'.repeat(header.length)}`, ...rows].join('\n')
}
