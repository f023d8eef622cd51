import type { Figure } from './figure.ts'
import type { Machine } from './machine.ts'

/** A cell: a number keeps all its digits until it is printed; null where nothing was measured. */
export type Cell = string | number | null

export interface ResultTable {
  readonly title: string
  /** Column names with their units. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** What was hoped for and what came out. */
export interface Aim {
  readonly aim: string
  readonly measured: number
  readonly isMet: boolean
}

/** What one benchmark found, before the machine is added. */
export interface Findings {
  /** The question that the benchmark answers. */
  readonly question: string
  readonly settings: Readonly<Record<string, string | number>>
  readonly tables: readonly ResultTable[]
  readonly aims: readonly Aim[]
  /** What a reader must know to read the tables. */
  readonly notes: readonly string[]
  /** What is drawn of it; the page shows them above the tables. */
  readonly figures?: readonly Figure[]
  /** Every single measurement, by name. */
  readonly samples: Readonly<Record<string, readonly number[]>>
}

/** bench/results/NAME.json */
export interface BenchResult extends Findings {
  readonly name: string
  readonly machine: Machine
}
