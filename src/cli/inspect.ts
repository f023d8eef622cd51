import { statSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../config/load-config.ts'
import { readKnownAnswers } from '../model/known-answers.ts'
import { openModelFolder } from '../model/model-folder.ts'
import { wholeTensorQuantizers } from '../model/onnx/dynamic-quantization.ts'
import { findHead } from '../model/onnx/find-head.ts'
import { readOnnx } from '../model/onnx/read.ts'
import { scoringGraph } from '../model/onnx/scoring-graph.ts'
import { splitQuantizedProducts } from '../model/onnx/split-quantized-product.ts'
import { writeOnnx } from '../model/onnx/write.ts'
import { PACKAGE_FOLDER } from '../package-info.ts'
import { inspectProvider } from './inspect-provider.ts'

const MIB = 1 << 20

/** `logpr inspect`: what a model folder is and what the service would make of it, without loading weights. */
export async function inspect(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, own, positionals } = loadConfig(argv, env, ['json', 'provider'])
  if (own.provider === 'true') return inspectProvider(own.json === 'true', env)
  const path = positionals[0] ?? (config.MODEL === '' ? join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en') : config.MODEL)
  const report = reportOn(path, config.DTYPE)
  process.stdout.write(own.json === 'true' ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report))
  return 0
}

function reportOn(path: string, dtype: string) {
  const folder = openModelFolder(path, dtype)
  const graph = readOnnx(folder.onnxPath)
  const head = findHead(splitQuantizedProducts(graph))
  const scoring = scoringGraph(graph)
  return {
    id: folder.id,
    architecture: folder.architecture,
    dtype: folder.dtype,
    file: folder.onnxPath,
    file_bytes: statSync(folder.onnxPath).size,
    max_model_len: folder.maxModelLen,
    vocab_size: folder.vocabSize,
    operator_sets: Object.fromEntries([...graph.opsets].map(([domain, version]) => [domain === '' ? 'ai.onnx' : domain, version])),
    inputs: graph.inputs.map(({ name, shape }) => `${name} [${shape?.join(', ') ?? 'unknown rank'}]`),
    head: head.nodes.map(({ opType }) => opType).join(' -> '),
    whole_tensor_quantizers: wholeTensorQuantizers(graph).length,
    has_known_answer: readKnownAnswers(folder.folder, folder.dtype, 'cpu') !== null,
    scoring_graph: {
      nodes_before: graph.nodes.length,
      nodes_after: scoring.nodes.length,
      outputs_dropped: graph.outputs.length,
      bytes: writeOnnx(scoring).length,
      weights_copied: 0
    }
  }
}

function renderReport(report: ReturnType<typeof reportOn>): string {
  const { scoring_graph: scoring, whole_tensor_quantizers: quantizers } = report
  const lines: [string, string][] = [
    ['model', `${report.id} (${report.architecture}, ${report.dtype})`],
    ['file', `${report.file}, ${(report.file_bytes / MIB).toFixed(1)} MiB`],
    ['context', `${report.max_model_len} tokens, vocabulary ${report.vocab_size}`],
    [
      'operator sets',
      Object.entries(report.operator_sets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(', ')
    ],
    ['inputs', report.inputs.length > 4 ? `${report.inputs.slice(0, 3).join('; ')}; ${report.inputs.length - 3} more` : report.inputs.join('; ')],
    ['head', report.head],
    ...(quantizers === 0
      ? []
      : [['activations', `quantized over whole tensors: ${quantizers} operators; scores are approximate and run alone`] as [string, string]]),
    ['known answer', report.has_known_answer ? 'canary.json' : 'none: the first start is compared with later ones'],
    [
      'prepared',
      `${scoring.nodes_before} -> ${scoring.nodes_after} nodes, ${scoring.outputs_dropped} outputs dropped, ${Math.round(scoring.bytes / 1024)} KiB beside the weights, which stay where they are`
    ]
  ]
  return `${lines.map(([label, value]) => `${label.padEnd(14)} ${value}`).join('\n')}\n`
}
