/** What docs/performance.md draws of a result. */
export type Figure = BarFigure | LineFigure

export interface BarFigure {
  readonly kind: 'bars'
  readonly title: string
  /** What the length of a bar is, with its unit. */
  readonly unit: string
  /** The first stands out. */
  readonly bars: readonly { readonly label: string; readonly value: number }[]
}

export interface LineFigure {
  readonly kind: 'lines'
  readonly title: string
  /** Names of the axes, with units. y is drawn from 0. */
  readonly x: string
  readonly scale: 'linear' | 'logarithmic'
  readonly y: string
  readonly lines: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[]
}
