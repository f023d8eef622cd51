import { escaped, label, svg } from '../src/compare/svg.ts'
import type { LogprobResult } from '../src/logprob/result.ts'

type Token = NonNullable<LogprobResult['tokens']>[number]

/** Pixels. */
const BOX = { width: 100, height: 56, gap: 8 }
const MARGIN = 12
const BOXES_TOP = 34
const BRACKET_HEIGHT = 10
const SUMS_TOP = BOXES_TOP + BOX.height + 12
const JOINT_TOP = SUMS_TOP + BRACKET_HEIGHT + 36
const HEIGHT = JOINT_TOP + BRACKET_HEIGHT + 36
const DECIMALS = 3

/** The colour class of each part of a sequence. The prefix token has none, because it is not scored. */
const COLOUR: Readonly<Record<string, string>> = { x: 'stroke0', y: 'stroke1' }

/** An SVG of the tokens of a scored pair, with a bracket under the tokens of each of the three sums. */
export function threeSumsFigure({ tokens, log_prob: terms }: Pick<LogprobResult, 'tokens' | 'log_prob'>): string {
  if (tokens === undefined || tokens === null) throw new Error('the figure needs a result with detail: "tokens"')
  const { joint, marginal, conditional } = terms
  const width = 2 * MARGIN + tokens.length * (BOX.width + BOX.gap) - BOX.gap
  const [firstX, lastX] = span(tokens, 'x')
  const [firstY, lastY] = span(tokens, 'y')
  return svg(width, HEIGHT, 'The tokens of x and y, and which of them each of the three sums covers', [
    label(leftOf(firstX), 22, 'x, the prompt', 'title'),
    label(leftOf(firstY), 22, 'y, the output', 'title'),
    ...tokens.map(boxOf),
    bracket(leftOf(firstX), rightOf(lastX), SUMS_TOP, 'stroke0'),
    label(middle(leftOf(firstX), rightOf(lastX)), SUMS_TOP + 26, `marginal = log Pr(x) = ${decimals(marginal)}`, 'middle'),
    bracket(leftOf(firstY), rightOf(lastY), SUMS_TOP, 'stroke1'),
    label(rightOf(lastY), SUMS_TOP + 26, `conditional = log Pr(y|x) = ${decimals(conditional)}`, 'end'),
    bracket(leftOf(firstX), rightOf(lastY), JOINT_TOP, 'stroke2'),
    label(middle(leftOf(firstX), rightOf(lastY)), JOINT_TOP + 26, `joint = log Pr([x,y]) = ${decimals(joint)}, in nats`, 'middle')
  ])
}

function boxOf({ part, text, log_prob: logProb }: Token, index: number): string {
  const x = leftOf(index)
  const center = x + BOX.width / 2
  const value = logProb === null ? 'prefix token' : decimals(logProb)
  return [
    `<rect class="line ${COLOUR[part] ?? 'axis'}" x="${x}" y="${BOXES_TOP}" width="${BOX.width}" height="${BOX.height}" rx="6"/>`,
    `<text class="middle" style="font-weight: 600" x="${center}" y="${BOXES_TOP + 23}">${escaped(text.replaceAll(' ', '␣'))}</text>`,
    label(center, BOXES_TOP + 43, value, 'middle')
  ].join('')
}

/** Indices of the first and last token of a part. */
function span(tokens: readonly Token[], part: Token['part']): readonly [first: number, last: number] {
  const first = tokens.findIndex((token) => token.part === part)
  const last = tokens.findLastIndex((token) => token.part === part)
  if (first === -1) throw new Error(`the example has no token of ${part}`)
  return [first, last]
}

function bracket(left: number, right: number, top: number, colour: string): string {
  return `<path class="line ${colour}" d="M${left} ${top} v${BRACKET_HEIGHT} H${right} v${-BRACKET_HEIGHT}"/>`
}

function leftOf(index: number): number {
  return MARGIN + index * (BOX.width + BOX.gap)
}

function rightOf(index: number): number {
  return leftOf(index) + BOX.width
}

function middle(left: number, right: number): number {
  return (left + right) / 2
}

function decimals(value: number | null | undefined): string {
  if (value === null || value === undefined) throw new Error('the example has a sum without a value')
  return value.toFixed(DECIMALS)
}
