import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import { sharableGraph } from '../engine/process/sharing/sharable-graph.ts'
import type { LocatedModel } from '../model/locate-model.ts'
import { openModel } from '../model/open-model.ts'
import { resolvePrecision } from '../model/precision/precision-plan.ts'
import type { RoundedFile } from '../model/precision/prepare.ts'
import { roundedGraph } from '../model/precision/rounded-graph.ts'
import { memorySection } from './memory-section.ts'
import {
  graphSection,
  type InspectedModel,
  modelSection,
  precisionSection,
  type Section,
  type SectionMaker,
  scoringGraphSection,
  tokenizerSection
} from './sections.ts'

/** In the order of the report. */
const SECTIONS: readonly SectionMaker[] = [modelSection, tokenizerSection, graphSection, precisionSection, scoringGraphSection, memorySection]

/**
 * Describes a model and how the service would run it on a CPU. `roundedFile` is the cached file of 8-bit weights; null
 * when nobody looked. Throws `model_invalid`, `model_unsupported` or `configuration_invalid` with the reason.
 */
export function reportOn({ id, folder: path }: LocatedModel, config: Config, roundedFile: RoundedFile | null = null): readonly Section[] {
  const opened = { ...openModel(path, { dtype: config.DTYPE, maxModelLen: config.MAX_MODEL_LEN }), id }
  const { model: folder, plan: precision } = resolvePrecision(opened, config.PRECISION, 'cpu')
  const { graph: scoring, prefixCache } = sharableGraph(precision === null ? folder.graph : roundedGraph(folder.graph, precision), {
    packing: config.PACKING,
    prefixCacheBytes: config.PREFIX_CACHE_BYTES,
    maxAttentionBytes: config.MAX_ATTENTION_BYTES,
    slidingWindow: folder.slidingWindow,
    heads: folder.attentionHeads
  })
  const tokenizerPath = join(folder.folder, 'tokenizer.json')
  const model: InspectedModel = {
    folder,
    original: folder.graph,
    scoring,
    hasPrefixCache: prefixCache.isOn,
    tokenizer: existsSync(tokenizerPath) ? (JSON.parse(readFileSync(tokenizerPath, 'utf8')) as InspectedModel['tokenizer']) : null,
    precision,
    roundedFile,
    config
  }
  return SECTIONS.flatMap((make) => make(model) ?? [])
}

const LABEL_WIDTH = 14

/** One line per fact, with the labels in a column. */
export function renderText(sections: readonly Section[]): string {
  const lines = sections.flatMap((section) => section.lines)
  return `${lines.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)} ${text}`).join('\n')}\n`
}

/** One JSON object with a key for each section. */
export function renderJson(sections: readonly Section[]): string {
  return `${JSON.stringify(Object.fromEntries(sections.map(({ name, json }) => [name, json])), null, 2)}\n`
}
