import type { LossToken } from '../src/loss/answer.ts'

/** Pixels. */
const BOX = { width: 92, height: 64, gap: 8 }
const COLUMNS = 7
const MARGIN = 12
const LEGEND_HEIGHT = 34
const DECIMALS = 3

/** An SVG with a box per token of a training example: text, label and loss. It follows the reader's colour scheme. */
export function maskedSequenceFigure(tokens: readonly LossToken[]): string {
  const rows = Math.ceil(tokens.length / COLUMNS)
  const width = 2 * MARGIN + COLUMNS * BOX.width + (COLUMNS - 1) * BOX.gap
  const height = 2 * MARGIN + LEGEND_HEIGHT + rows * (BOX.height + BOX.gap) - BOX.gap
  const boxes = tokens.map((token, i) => {
    const x = MARGIN + (i % COLUMNS) * (BOX.width + BOX.gap)
    const y = MARGIN + LEGEND_HEIGHT + Math.floor(i / COLUMNS) * (BOX.height + BOX.gap)
    return boxOf(token, x, y)
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">Labels and losses of the tokens of one training example</title>
  <style>
    text { font: 12px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #1f2328; }
    .text { font-size: 14px; font-weight: 600; }
    .legend { font-family: system-ui, sans-serif; text-anchor: start; }
    rect { stroke-width: 1.5; }
    .masked rect { fill: #eceef1; stroke: #8c959f; }
    .trained rect { fill: #b8e6c4; stroke: #1a7f37; }
    .background { fill: #ffffff; stroke: none; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .masked rect { fill: #2a3038; stroke: #7d8590; }
      .trained rect { fill: #1b5e2f; stroke: #56d364; }
      .background { fill: #0d1117; }
    }
  </style>
  <rect class="background" width="${width}" height="${height}"/>
${legend()}
${boxes.join('\n')}
</svg>
`
}

function legend(): string {
  const entry = (kind: string, words: string, x: number): string =>
    `  <g class="${kind}"><rect x="${x}" y="${MARGIN}" width="16" height="16" rx="3"/><text class="legend" x="${x + 24}" y="${MARGIN + 13}">${words}</text></g>`
  return [
    entry('masked', 'masked: the label is -100', MARGIN),
    entry('trained', 'trained: the label is the id', MARGIN + 200),
    `  <text class="legend" x="${MARGIN + 410}" y="${MARGIN + 13}">top to bottom: text, label, loss in nats</text>`
  ].join('\n')
}

function boxOf({ text, label, loss, weight }: LossToken, x: number, y: number): string {
  const middle = x + BOX.width / 2
  const lines = [
    `<text class="text" x="${middle}" y="${y + 20}">${escaped(visible(text))}</text>`,
    `<text x="${middle}" y="${y + 39}">${label}</text>`,
    `<text x="${middle}" y="${y + 56}">${weight === 0 ? '0' : loss.toFixed(DECIMALS)}</text>`
  ]
  return `  <g class="${weight === 0 ? 'masked' : 'trained'}"><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>${lines.join('')}</g>`
}

/** Shows white space as symbols, and shortens a control token that is too long for its box. */
function visible(text: string): string {
  const signs = text.replaceAll(' ', '␣').replaceAll('\n', '↵')
  return signs.length > 9 ? `${signs.slice(0, 8)}…` : signs
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
