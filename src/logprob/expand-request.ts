import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../encoding/conversation-input.ts'
import type { LogprobItem, TextOrIds } from '../encoding/logprob-item.ts'
import { itemSpansOf, type RequestedSpan } from '../encoding/word-spans.ts'
import { ServiceError } from '../errors.ts'

/** One x or conversation and its outputs, as the body or a line has them. */
export interface RequestedPair extends ConversationFields {
  readonly id?: string
  readonly x?: TextOrIds
  readonly y?: RequestedOutput
  readonly spans?: readonly RequestedSpan[]
  /** A whole sequence, in place of x and y. */
  readonly ids?: readonly number[]
  readonly from?: number
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
  if (body.pairs === undefined) return pairItems(body, { firstIndex: 0, orPairs: ', or pairs' })
  const stray = (['x', 'y', 'messages', 'ids', 'from', 'spans', ...MESSAGE_OPTIONS] as const).find((field) => body[field] !== undefined)
  if (stray !== undefined) throw invalid(stray, `${stray} cannot be combined with pairs: put it into each pair`)
  const items: LogprobItem[] = []
  for (const [index, pair] of body.pairs.entries()) for (const item of pairItems(pair, { firstIndex: items.length, path: `pairs/${index}/` })) items.push(item)
  return items
}

interface PairPlace {
  /** Index of its first item among the results. */
  readonly firstIndex: number
  /** Precedes the names of its fields in errors. */
  readonly path?: string
  /** Its line in a body of JSON Lines, from 1. */
  readonly line?: number
  /** What else may replace x in this place, for the message. */
  readonly orPairs?: string
}

/** The items of one pair, one per output. Throws `invalid_request`, naming the field. */
export function pairItems(pair: RequestedPair, { firstIndex, path = '', line, orPairs = '' }: PairPlace): LogprobItem[] {
  const { x, messages, y, id, ids, from } = pair
  const option = messages === undefined ? MESSAGE_OPTIONS.find((field) => pair[field] !== undefined && pair[field] !== null) : undefined
  if (option !== undefined)
    throw invalid(`${path}${option}`, `${path}${option} needs messages, which a chat template renders: send it with messages, or leave it out`)
  if (ids !== undefined) return [idsItem({ ...pair, ids }, { firstIndex, path, ...(line === undefined ? {} : { line }) })]
  if (from !== undefined) throw invalid(`${path}from`, `${path}from needs ids, of which it is a position: send it with ids, or leave it out`)
  if (x === undefined && messages === undefined) throw invalid(`${path}x`, `${path}x is missing: send x (a text or token ids), messages, ids${orPairs}`)
  if (x !== undefined && messages !== undefined) throw invalid(`${path}messages`, `${path}x and ${path}messages exclude each other: send one of them`)
  if (y === undefined) throw invalid(`${path}y`, `${path}y is missing: send the output to score, or a list of outputs`)

  const isList = Array.isArray(y) && !isIds(y)
  const outputs = isList ? y : [y]
  if (isList && outputs.length === 0) throw invalid(`${path}y`, `${path}y is an empty list, so there is nothing to score: send at least one output`)
  if (pair.spans !== undefined && outputs.length > 1)
    throw invalid(`${path}spans`, `${path}spans belongs to one output, but y has ${outputs.length}: send a pair for each output`)
  const spans = pair.spans === undefined ? {} : { spans: itemSpansOf(pair.spans, `${path}spans`) }
  const conversation = messages === undefined ? null : conversationOf(messages, pair, { path, addGenerationPrompt: true })
  return outputs.map((output, candidate) => {
    const param = { x: `${path}${x === undefined ? 'messages' : 'x'}`, y: isList ? `${path}y/${candidate}` : `${path}y` }
    if (typeof output === 'number') throw invalid(param.y, `${param.y} is a number in a list of outputs: send either only token ids, or only outputs`)
    const place = { index: firstIndex + candidate, candidate, id: id ?? null, ...(line === undefined ? {} : { line }) }
    return { ...place, x: conversation ?? x!, y: output as TextOrIds, ...spans, param }
  })
}

/** A sequence of ids: its tokens before `from` are x, and the first one is, because it has no probability. */
function idsItem(pair: RequestedPair & { readonly ids: readonly number[] }, { firstIndex, path = '', line }: PairPlace): LogprobItem {
  const { ids, from = 0, id } = pair
  const other = (['x', 'messages', 'y', 'spans'] as const).find((field) => pair[field] !== undefined)
  if (other !== undefined) throw invalid(`${path}${other}`, `${path}${other} cannot be combined with ids, which is the whole sequence: leave one of them out`)
  const start = Math.max(1, from)
  const place = { index: firstIndex, candidate: 0, id: id ?? null, ...(line === undefined ? {} : { line }) }
  return { ...place, x: ids.slice(0, start), y: ids.slice(start), from, param: { x: `${path}ids`, y: `${path}ids` } }
}

function isIds(y: readonly unknown[]): y is readonly number[] {
  return y.length > 0 && y.every((entry) => typeof entry === 'number')
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
