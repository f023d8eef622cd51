import { modesTable } from '../test/interop/lm-eval/measure-mode.ts'
import type { InteropResults } from '../test/interop/results.ts'
import { TRAPS } from '../test/interop/traps.ts'
import { wrapped } from './wrapped.ts'

/** The measured tables of docs/guides/harnesses.md, from the stored run. */
export function harnessesBlocks({ logpr, onnxruntime, modes, blimp }: InteropResults): Readonly<Record<string, string>> {
  return {
    traps: trapsTable(),
    modes:
      modes.length === 0
        ? 'Not measured yet. To measure: `node dist/test/interop/run.js modes`.'
        : `${modesTable(modes)}\n\nMeasured with logpr ${logpr} and onnxruntime ${onnxruntime} by \`node dist/test/interop/run.js modes all\`.`,
    blimp: blimp === null ? 'BLiMP is not measured yet. To measure: `node dist/test/interop/run.js blimp PAIRS.jsonl`.' : blimpLines(blimp)
  }
}

function blimpLines(blimp: NonNullable<InteropResults['blimp']>): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
  const seconds = (value: number): string => `${Math.round(value)} s`
  return [
    wrapped(
      `All ${blimp.pairs} pairs of BLiMP's 67 paradigms (\`node dist/test/interop/run.js blimp PAIRS.jsonl\`). Both sides ran one after the other on the same machine, with ${blimp.threads} thread${blimp.threads === 1 ? '' : 's'} each:`
    ),
    '',
    '| | logpr | `hf` |',
    '|---|---|---|',
    `| accuracy | ${percent(blimp.accuracy)} | ${percent(blimp.hfAccuracy)} |`,
    `| evaluation time, by lm-eval's own clock | ${seconds(blimp.evaluationSeconds)} | ${seconds(blimp.hfEvaluationSeconds)} |`,
    `| load average before the run | ${blimp.load.map((load) => load.toFixed(1)).join(' | ')} |`,
    '',
    wrapped(
      `Pairs decided differently: ${blimp.pairsThatDiffer}. Largest difference: ${blimp.maxDifference.toExponential(1)} nats. Greedy mismatches: ${blimp.greedyMismatches}. Failed requests: ${blimp.failed}.`
    )
  ].join('\n')
}

function trapsTable(): string {
  const rows = TRAPS.map(({ id, trap, tests }) => `| ${id} | ${trap} | ${[...new Set(tests.map(([file]) => `\`${file}\``))].join('<br>')} |`)
  return `| | what goes wrong elsewhere | tests in \`test/\` |\n|---|---|---|\n${rows.join('\n')}`
}
