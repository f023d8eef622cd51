import { assertWellFormed } from '../encoding/well-formed.ts'
import { ServiceError } from '../errors.ts'
import type { ChatMessage, Conversation } from '../tokenizer/tokenizer.ts'
import type { Question } from './request.ts'

export const ORDERS = ['given', 'both'] as const
type Order = (typeof ORDERS)[number]

/** The fields of a question that compares two texts, as a body has them. */
export interface RequestedCandidates {
  readonly candidates?: readonly string[]
  readonly order?: Order
}

type Prompts = Pick<Question, 'x' | 'swappedX'>

const PLACEHOLDER = /\{candidate_([12])\}/g
/** Places for candidates in one prompt: each repeats a whole candidate, so that a small body could fill the memory. */
const MAX_PLACES = 16

/**
 * The prompt with the two candidates in the places of `{candidate_1}` and `{candidate_2}`, and under `order: "both"`
 * also with the two exchanged. `xParam` is the path of x or messages, `path` precedes the names of fields in errors.
 * Throws `invalid_request` or `invalid_text`.
 */
export function promptsWith(x: Question['x'], { candidates, order = 'given' }: RequestedCandidates, xParam: string, path: string): Prompts {
  if (candidates === undefined) {
    if (order === 'given') return { x, swappedX: null }
    throw invalid(
      `${path}candidates`,
      `order both needs ${path}candidates: the two texts to compare, with {candidate_1} and {candidate_2} in ${xParam} where they belong`
    )
  }
  const [first, second] = candidates
  if (first === undefined || second === undefined || candidates.length > 2)
    throw invalid(`${path}candidates`, `${path}candidates has ${candidates.length} entries: send the two texts to compare`)
  candidates.forEach((text, i) => {
    assertWellFormed(text, `${path}candidates/${i}`)
  })
  const missing = ['1', '2'].find((number) => !textsIn(x).some((text) => text.includes(`{candidate_${number}}`)))
  if (missing !== undefined)
    throw invalid(
      xParam,
      typeof x === 'object' && !('messages' in x)
        ? `${xParam} is a list of token ids, which has no place for candidates: send a text or messages, or score both orders yourself`
        : `${xParam} has no {candidate_${missing}}: write it where candidate ${missing} belongs, or leave candidates out`
    )
  const places = textsIn(x).reduce((count, text) => count + (text.match(PLACEHOLDER)?.length ?? 0), 0)
  if (places > MAX_PLACES)
    throw invalid(
      xParam,
      `${xParam} has ${places} places for candidates, and may have ${MAX_PLACES}: write {candidate_1} and {candidate_2} once or a few times`
    )
  return { x: filled(x, first, second), swappedX: order === 'both' ? filled(x, second, first) : null }
}

function textsIn(x: Question['x']): readonly string[] {
  if (typeof x === 'string') return [x]
  return 'messages' in x
    ? x.messages.flatMap(({ content }) =>
        typeof content === 'string' ? content : content === undefined || content === null ? [] : content.map(({ text }) => text)
      )
    : []
}

/** Both places at once, so that a candidate that spells a placeholder stays as it is. */
function filled(x: Question['x'], first: string, second: string): Question['x'] {
  const fill = (text: string): string => text.replaceAll(PLACEHOLDER, (_, number: string) => (number === '1' ? first : second))
  if (typeof x === 'string') return fill(x)
  return 'messages' in x ? { ...x, messages: x.messages.map((message) => filledMessage(message, fill)) } : x
}

function filledMessage(message: ChatMessage, fill: (text: string) => string): Conversation['messages'][number] {
  const { content } = message
  if (content === undefined || content === null) return message
  return { ...message, content: typeof content === 'string' ? fill(content) : content.map((part) => ({ ...part, text: fill(part.text) })) }
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
