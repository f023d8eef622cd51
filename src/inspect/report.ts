import type { Config } from '../config/options.ts'
import { openModelFolder } from '../model/model-folder.ts'
import { readOnnx } from '../model/onnx/read.ts'
import { scoringGraph } from '../model/onnx/scoring-graph.ts'
import type { Section, SectionMaker } from './section.ts'
import { graphSection } from './sections/graph.ts'
import { memorySection } from './sections/memory.ts'
import { modelSection } from './sections/model.ts'
import { scoringGraphSection } from './sections/scoring-graph.ts'

/** In the order in which they are shown. */
const SECTIONS: readonly SectionMaker[] = [modelSection, graphSection, scoringGraphSection, memorySection]

/** What a model folder is and what the service would make of it. Throws `model_invalid` or `model_unsupported` with the reason. */
export function reportOn(path: string, config: Config): readonly Section[] {
  const folder = openModelFolder(path, config.DTYPE)
  const original = readOnnx(folder.onnxPath)
  const model = { folder, original, scoring: scoringGraph(original), config }
  return SECTIONS.flatMap((make) => make(model) ?? [])
}
