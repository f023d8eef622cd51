import type { Config } from '../config/options.ts'
import type { LocatedModel } from '../model/located-model.ts'
import { scoringGraph } from '../model/onnx/scoring-graph.ts'
import { openModel } from '../model/open-model.ts'
import type { Section, SectionMaker } from './section.ts'
import { graphSection } from './sections/graph.ts'
import { memorySection } from './sections/memory.ts'
import { modelSection } from './sections/model.ts'
import { scoringGraphSection } from './sections/scoring-graph.ts'

/** In the order in which they are shown. */
const SECTIONS: readonly SectionMaker[] = [modelSection, graphSection, scoringGraphSection, memorySection]

/** What a model folder is and what the service would make of it. Throws `model_invalid` or `model_unsupported` with the reason. */
export function reportOn({ id, folder: path }: LocatedModel, config: Config): readonly Section[] {
  const folder = { ...openModel(path, { dtype: config.DTYPE, maxModelLen: config.MAX_MODEL_LEN }), id }
  const model = { folder, original: folder.graph, scoring: scoringGraph(folder.graph), config }
  return SECTIONS.flatMap((make) => make(model) ?? [])
}
