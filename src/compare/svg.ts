/** Colours of lines and bars in light and dark schemes, distinguishable for colour-blind readers. */
const COLOURS = [
  ['#0969da', '#58a6ff'],
  ['#bc4c00', '#f0883e'],
  ['#1a7f37', '#56d364'],
  ['#8250df', '#bc8cff']
] as const
export const COLOUR_COUNT = COLOURS.length

/** An SVG that follows the reader's colour scheme. Its content uses the classes of this style sheet. */
export function svg(width: number, height: number, title: string, content: readonly string[]): string {
  const colours = (which: 0 | 1, indent: string): string =>
    COLOURS.map((pair, i) => `${indent}.fill${i} { fill: ${pair[which]}; } .stroke${i} { stroke: ${pair[which]}; }`).join('\n')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">${escaped(title)}</title>
  <style>
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }
    .title { font-size: 14px; font-weight: 600; }
    .end { text-anchor: end; }
    .middle { text-anchor: middle; }
    .axis { stroke: #8c959f; }
    .grid { stroke: #d8dee4; }
    .other { fill: #afb8c1; }
    .line { fill: none; stroke-width: 2; }
    .background { fill: #ffffff; }
${colours(0, '    ')}
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .axis { stroke: #7d8590; }
      .grid { stroke: #2a3038; }
      .other { fill: #484f58; }
      .background { fill: #0d1117; }
${colours(1, '      ')}
    }
  </style>
  <rect class="background" width="${width}" height="${height}"/>
${content.map((element) => `  ${element}`).join('\n')}
</svg>
`
}

export function label(x: number, y: number, text: string, kind = ''): string {
  return `<text${kind === '' ? '' : ` class="${kind}"`} x="${rounded(x)}" y="${rounded(y)}">${escaped(text)}</text>`
}

/** Rounds pixels to a tenth, so that an invisible difference does not change the file. */
export function rounded(pixels: number): number {
  return Math.round(10 * pixels) / 10
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
