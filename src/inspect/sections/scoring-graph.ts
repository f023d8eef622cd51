import { writeOnnx } from '../../model/onnx/write.ts'
import type { InspectedModel, Section } from '../section.ts'

/** What the service makes of the graph. */
export function scoringGraphSection({ original, scoring }: InspectedModel): Section {
  const json = {
    nodes_before: original.nodes.length,
    nodes_after: scoring.nodes.length,
    outputs_dropped: original.outputs.length,
    bytes: writeOnnx(scoring).length,
    weights_copied: 0
  }
  const text = `${json.nodes_before} -> ${json.nodes_after} nodes, ${json.outputs_dropped} outputs dropped, ${Math.round(json.bytes / 1024)} KiB beside the weights, which stay where they are`
  return { name: 'scoring_graph', json, lines: [['prepared', text]] }
}
