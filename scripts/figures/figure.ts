import type { Figure } from '../../bench/support/figure.ts'
import { barFigure } from './bar-figure.ts'
import { lineFigure } from './line-figure.ts'

/** A figure of a benchmark as SVG. */
export function figureSvg(figure: Figure): string {
  return figure.kind === 'bars' ? barFigure(figure) : lineFigure(figure)
}
