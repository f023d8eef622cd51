import { machineLine } from '../bench/support/machine.ts'
import type { BenchResult, ResultTable } from '../bench/support/result.ts'
import { formatCell } from '../bench/support/table.ts'
import { wrapped } from './wrapped.ts'

/** Benchmarks of the 124M GPT-2 that the README shows, by name, with what they score. */
const WORKLOADS: Readonly<Record<string, string>> = {
  'choices-gpt2': 'few-shot multiple choice: 64 questions of 4 options behind 800 shared tokens',
  'pairs-gpt2': 'independent pairs of 20 to 320 tokens',
  'rolling-gpt2': 'one text of 4,096 tokens, every token scored'
}
/**
 * Contestants by the beginning of their rows in the results: `hf` has a row for each batch size, of which the fastest
 * counts.
 */
const PEERS: Readonly<Record<string, string>> = {
  'lm-eval hf': 'lm-eval `hf`',
  'onnxruntime, Python': 'onnxruntime in Python',
  'transformers.js': 'transformers.js'
}

/** The block of the README: how many times as fast logpr is as other ways to score the same tokens. */
export function renderHeadlines(results: readonly BenchResult[]): string {
  const rows = Object.entries(WORKLOADS).map(([name, workload]) => {
    const { tables } = found(results, name)
    return `| ${workload} | ${Object.keys(PEERS)
      .map((peer) => `${formatCell(fastest(tables[0], peer))} x`)
      .join(' | ')} |`
  })
  const { machine } = found(results, 'pairs-gpt2')
  return `| workload | ${Object.values(PEERS).join(' | ')} |
|---|${Object.keys(PEERS)
    .map(() => '---:')
    .join('|')}|
${rows.join('\n')}

${wrapped(`Measured on ${machineLine(machine)}.`)}`
}

function found(results: readonly BenchResult[], name: string): BenchResult {
  const result = results.find((each) => each.name === name)
  if (result === undefined) throw new Error(`bench/results has no ${name}.json; run npm run bench -- ${name}`)
  return result
}

/** How many times as long as logpr the contestant took, at its fastest. */
function fastest(table: ResultTable | undefined, contestant: string): number {
  const column = table?.columns.indexOf('time / logpr') ?? -1
  const times = (table?.rows ?? []).filter(([name]) => String(name).startsWith(contestant)).map((row) => Number(row[column]))
  if (times.length === 0 || !times.every(Number.isFinite)) throw new Error(`a result has no time of ${contestant} beside logpr's`)
  return Math.min(...times)
}
