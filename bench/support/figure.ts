/** The figures that docs/performance.md draws from a result. */
export type Figure = BarFigure | LineFigure

export interface BarFigure {
  readonly kind: 'bars'
  readonly title: string
  /** The quantity that the bars show, with its unit. */
  readonly unit: string
  /** The first bar is highlighted. */
  readonly bars: readonly { readonly label: string; readonly value: number }[]
}

export interface LineFigure {
  readonly kind: 'lines'
  readonly title: string
  /** Names of the axes with units. y starts at 0. */
  readonly x: string
  readonly scale: 'linear' | 'logarithmic'
  readonly y: string
  readonly lines: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[]
}
