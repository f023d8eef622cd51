import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../encoding/conversation-input.ts'
import type { LogprobItem, TextOrIds } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'

/** One x or conversation and its outputs, as the body has them. */
interface RequestedPair extends ConversationFields {
  readonly id?: string
  readonly x?: TextOrIds
  readonly y?: RequestedOutput
}

/** One output, or a list of outputs for the same x. A list of integers is one output as token ids. */
type RequestedOutput = string | readonly (number | string | readonly number[])[]

export interface RequestedPairs extends RequestedPair {
  readonly pairs?: readonly RequestedPair[]
}

/**
 * The items of a request, in the order of its results. Throws `invalid_request`, naming the missing or superfluous
 * field.
 */
export function expandRequest(body: RequestedPairs): LogprobItem[] {
  const items: LogprobItem[] = []
  if (body.pairs === undefined) addPair(items, body, '')
  else {
    const stray = (['x', 'y', 'messages', ...MESSAGE_OPTIONS] as const).find((field) => body[field] !== undefined)
    if (stray !== undefined) throw invalid(stray, `${stray} cannot be combined with pairs: put it into each pair`)
    body.pairs.forEach((pair, index) => addPair(items, pair, `pairs/${index}/`))
  }
  return items
}

function addPair(items: LogprobItem[], pair: RequestedPair, path: string): void {
  const { x, messages, y, id } = pair
  const option = messages === undefined ? MESSAGE_OPTIONS.find((field) => pair[field] !== undefined && pair[field] !== null) : undefined
  if (option !== undefined)
    throw invalid(`${path}${option}`, `${path}${option} needs messages, which a chat template renders: send it with messages, or leave it out`)
  if (x === undefined && messages === undefined)
    throw invalid(`${path}x`, `${path}x is missing: send x (a text or token ids), messages${path === '' ? ', or pairs' : ''}`)
  if (x !== undefined && messages !== undefined) throw invalid(`${path}messages`, `${path}x and ${path}messages exclude each other: send one of them`)
  if (y === undefined) throw invalid(`${path}y`, `${path}y is missing: send the output to score, or a list of outputs`)

  const isList = Array.isArray(y) && !isIds(y)
  const outputs = isList ? y : [y]
  if (isList && outputs.length === 0) throw invalid(`${path}y`, `${path}y is an empty list, so there is nothing to score: send at least one output`)
  const conversation = messages === undefined ? null : conversationOf(messages, pair, { path, addGenerationPrompt: true })
  outputs.forEach((output, candidate) => {
    const param = { x: `${path}${x === undefined ? 'messages' : 'x'}`, y: isList ? `${path}y/${candidate}` : `${path}y` }
    if (typeof output === 'number') throw invalid(param.y, `${param.y} is a number in a list of outputs: send either only token ids, or only outputs`)
    items.push({ index: items.length, candidate, id: id ?? null, x: conversation ?? x!, y: output as TextOrIds, param })
  })
}

function isIds(y: readonly unknown[]): y is readonly number[] {
  return y.length > 0 && y.every((entry) => typeof entry === 'number')
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
