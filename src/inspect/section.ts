import type { Config } from '../config/options.ts'
import type { Graph } from '../model/onnx/graph.ts'
import type { OpenModel } from '../model/open-model.ts'
import type { PrecisionPlan } from '../model/precision/plan.ts'
import type { PreparedFile } from '../model/precision/prepare.ts'

/** A model that is looked at: its folder and its graph as it came and as it would run. No weights are loaded. */
export interface InspectedModel {
  readonly folder: OpenModel
  readonly original: Graph
  readonly scoring: Graph
  /** What is done to its weights; null where nothing is. */
  readonly precision: PrecisionPlan | null
  /** Where the rounded ones are kept; null where nobody looked. */
  readonly prepared: PreparedFile | null
  /** The settings in force, as `serve` would have them. */
  readonly config: Config
}

/** One part of what `logpr inspect` tells. */
export interface Section {
  /** Its key in the JSON report. */
  readonly name: string
  readonly json: object
  /** For a person: a label and what stands beside it. */
  readonly lines: readonly (readonly [label: string, text: string])[]
}

/** What makes a section; null when there is nothing to tell of this model. */
export type SectionMaker = (model: InspectedModel) => Section | null
