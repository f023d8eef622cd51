import type { Config } from '../config/options.ts'
import type { LocatedModel } from '../model/located-model.ts'
import { scoringGraph } from '../model/onnx/scoring-graph.ts'
import { openModel } from '../model/open-model.ts'
import { askedPrecision } from '../model/precision/asked-precision.ts'
import type { PreparedFile } from '../model/precision/prepare.ts'
import { roundedGraph } from '../model/precision/rounded-graph.ts'
import type { Section, SectionMaker } from './section.ts'
import { graphSection } from './sections/graph.ts'
import { memorySection } from './sections/memory.ts'
import { modelSection } from './sections/model.ts'
import { precisionSection } from './sections/precision.ts'
import { scoringGraphSection } from './sections/scoring-graph.ts'

/** In the order in which they are shown. */
const SECTIONS: readonly SectionMaker[] = [modelSection, graphSection, precisionSection, scoringGraphSection, memorySection]

/**
 * What a model folder is and what the service would make of it on a CPU; `prepared` says where rounded weights are kept. Throws
 * `model_invalid`, `model_unsupported` or `configuration_invalid` with the reason.
 */
export function reportOn({ id, folder: path }: LocatedModel, config: Config, prepared: PreparedFile | null = null): readonly Section[] {
  const found = { ...openModel(path, { dtype: config.DTYPE, maxModelLen: config.MAX_MODEL_LEN }), id }
  const { model: folder, plan: precision } = askedPrecision(found, config.PRECISION, 'cpu')
  const scoring = scoringGraph(precision === null ? folder.graph : roundedGraph(folder.graph, precision))
  const model = { folder, original: folder.graph, scoring, precision, prepared, config }
  return SECTIONS.flatMap((make) => make(model) ?? [])
}
