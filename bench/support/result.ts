import type { Figure } from './figure.ts'
import type { Machine } from './machine.ts'

/** A cell of a table. Numbers are rounded only when printed; null when nothing was measured. */
export type Cell = string | number | null

export interface ResultTable {
  readonly title: string
  /** Column names with units. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** A target and the measured value. */
export interface Aim {
  readonly aim: string
  readonly measured: number
  readonly isMet: boolean
}

/** The findings of a benchmark, without the machine. */
export interface Findings {
  /** The question that the benchmark answers. */
  readonly question: string
  readonly settings: Readonly<Record<string, string | number>>
  readonly tables: readonly ResultTable[]
  readonly aims: readonly Aim[]
  /** Notes that explain the tables. */
  readonly notes: readonly string[]
  /** Figures, which the page shows above the tables. */
  readonly figures?: readonly Figure[]
  /** All measurements by name. */
  readonly samples: Readonly<Record<string, readonly number[]>>
}

/** bench/results/NAME.json */
export interface BenchResult extends Findings {
  readonly name: string
  readonly machine: Machine
}
