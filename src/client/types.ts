import type { operations } from './openapi.ts'

type Json<Message> = Message extends { content: { 'application/json': infer Value } } ? Value : never

/** The body that an operation of openapi.yaml takes. */
export type BodyOf<Operation extends keyof operations> = Json<NonNullable<operations[Operation]['requestBody']>>
/** The body of an operation's response with status 200. */
export type AnswerOf<Operation extends keyof operations> = operations[Operation]['responses'] extends { 200: infer Message } ? Json<Message> : never

export type LogprobRequest = BodyOf<'scoreLogprob'>
export type LogprobResponse = AnswerOf<'scoreLogprob'>
/** The scores of one output, or the reason why there are none in `error`. */
export type LogprobResult = LogprobResponse['results'][number]
/** One prompt or conversation with its outputs. */
export type LogprobPair = NonNullable<LogprobRequest['pairs']>[number]
/** How to score, for all pairs of a request. */
export type LogprobOptions = Omit<LogprobRequest, 'pairs' | keyof Omit<LogprobPair, 'id'>>
/** A result of many requests. */
export type PairResult = LogprobResult & {
  /** Position in the list of pairs; `index` counts the outputs of all pairs. */
  readonly pair: number
}
