import type { RowScores } from '../engine/engine.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { EncodedPrompt } from './encode-prompts.ts'
import type { CompletionsOptions } from './request.ts'
import { type SpelledText, spelledPrompt, spelledToken, tokenString } from './spelling.ts'
import { generatedScores, type PositionScores, positionScores } from './token-scores.ts'

/** The four parallel lists of OpenAI's legacy format. Maps, because a token may be `__proto__` or `1`. */
interface ChoiceLogprobs {
  readonly tokens: readonly string[]
  readonly tokenLogprobs: readonly (number | null)[]
  readonly topLogprobs: readonly (ReadonlyMap<string, number> | null)[]
  readonly textOffset: readonly number[]
}

interface PromptLogprob {
  readonly logProb: number
  readonly rank: number | null
  readonly decodedToken: string
}

/** By token id, the prompt token first; the entry of the first token is null. */
type PromptLogprobs = readonly (ReadonlyMap<number, PromptLogprob> | null)[]

export interface Choice {
  readonly index: number
  readonly text: string
  readonly logprobs: ChoiceLogprobs | null
  /** Null when it was not requested. */
  readonly promptLogprobs: PromptLogprobs | null
}

interface Position {
  readonly id: number
  /** Null for the first token of a sequence. */
  readonly scores: PositionScores | null
}

/**
 * The choice for one prompt. `rows` are the scores of its job (`jobOfPrompt` in evaluate.ts) from position
 * `firstScored` on; null when nothing was computed.
 */
export function choiceOf(
  index: number,
  prompt: EncodedPrompt,
  rows: RowScores | null,
  firstScored: number,
  options: CompletionsOptions,
  tokenizer: Tokenizer
): Choice {
  const { echo, logprobs, promptLogprobs, maxTokens } = options
  const P = prompt.ids.length
  const generated = maxTokens === 1 && rows !== null ? generatedScores(rows, P - firstScored) : null
  const generatedPosition: readonly Position[] = generated === null ? [] : [{ id: generated.token.id, scores: generated }]
  const hasPrompt = rows !== null && firstScored === 1
  const positions = Array.from(prompt.ids, (id, i): Position => ({ id, scores: hasPrompt && i > 0 ? positionScores(rows, i - 1, id) : null }))

  const spelled = echo
    ? spelledPrompt(prompt, generated?.token.id ?? null, tokenizer)
    : generated === null
      ? NO_TEXT
      : spelledToken(generated.token.id, tokenizer)
  return {
    index,
    text: spelled.text,
    logprobs: logprobs === null ? null : choiceLogprobs([...(echo ? positions : []), ...generatedPosition], spelled, logprobs, options, tokenizer),
    promptLogprobs:
      promptLogprobs === null
        ? null
        : promptLogprobsOf(
            positions.map(({ scores }) => scores),
            promptLogprobs,
            tokenizer
          )
  }
}

const NO_TEXT: SpelledText = { text: '', offsets: [] }

function choiceLogprobs(
  positions: readonly Position[],
  { offsets }: SpelledText,
  topCount: number,
  { tokensAsIds }: CompletionsOptions,
  tokenizer: Tokenizer
): ChoiceLogprobs {
  const name = (id: number): string => tokenString(tokenizer, id, tokensAsIds)
  return {
    tokens: positions.map(({ id }) => name(id)),
    tokenLogprobs: positions.map(({ scores }) => scores?.token.logProb ?? null),
    topLogprobs: positions.map(({ scores }) => (scores === null ? null : topEntry(scores, topCount, name))),
    textOffset: offsets
  }
}

/**
 * The token itself first, then the top tokens. Among tokens with equal text the largest value wins: clients look for
 * the maximum.
 */
function topEntry({ token, top }: PositionScores, topCount: number, name: (id: number) => string): Map<string, number> {
  const entry = new Map([[name(token.id), token.logProb]])
  for (const { id, logProb } of top.slice(0, topCount)) {
    const key = name(id)
    entry.set(key, Math.max(entry.get(key) ?? Number.NEGATIVE_INFINITY, logProb))
  }
  return entry
}

/** One entry per token of a prompt; null for a token without scores. */
export function promptLogprobsOf(positions: readonly (PositionScores | null)[], topCount: number, tokenizer: Tokenizer): PromptLogprobs {
  return positions.map((scores) => (scores === null ? null : promptEntry(scores, topCount, tokenizer)))
}

function promptEntry({ token, top }: PositionScores, topCount: number, tokenizer: Tokenizer): Map<number, PromptLogprob> {
  const entry = new Map<number, PromptLogprob>()
  for (const { id, logProb, rank } of [token, ...top.slice(0, topCount)]) {
    if (!entry.has(id)) entry.set(id, { logProb, rank, decodedToken: tokenString(tokenizer, id, false) })
  }
  return entry
}

/**
 * Serializes a choice by hand. Clients take the first key for the prompt token, but an object would sort keys like "11"
 * numerically and drop the key "__proto__".
 */
export function choiceJson({ index, text, logprobs, promptLogprobs }: Choice): string {
  const prompt = promptLogprobs === null ? '' : `,"prompt_logprobs":${promptLogprobsJson(promptLogprobs)}`
  return `{"index":${index},"text":${JSON.stringify(text)},"logprobs":${logprobs === null ? 'null' : logprobsJson(logprobs)},"finish_reason":"length"${prompt}}`
}

export function promptLogprobsJson(entries: PromptLogprobs): string {
  return list(entries, promptEntryJson)
}

function logprobsJson({ tokens, tokenLogprobs, topLogprobs, textOffset }: ChoiceLogprobs): string {
  return (
    `{"tokens":${JSON.stringify(tokens)},"token_logprobs":${list(tokenLogprobs, numberJson)},` +
    `"top_logprobs":${list(topLogprobs, (entry) => mapJson(entry, numberJson))},"text_offset":${JSON.stringify(textOffset)}}`
  )
}

function promptEntryJson(entry: ReadonlyMap<number, PromptLogprob>): string {
  return mapJson(
    entry,
    ({ logProb, rank, decodedToken }) => `{"logprob":${numberJson(logProb)},"rank":${rank},"decoded_token":${JSON.stringify(decodedToken)}}`
  )
}

/** Keeps the order of the map. */
function mapJson<K extends string | number, V>(map: ReadonlyMap<K, V>, valueJson: (value: V) => string): string {
  return `{${Array.from(map, ([key, value]) => `${JSON.stringify(String(key))}:${valueJson(value)}`).join(',')}}`
}

function list<T>(values: readonly (T | null)[], json: (value: T) => string): string {
  return `[${values.map((value) => (value === null ? 'null' : json(value))).join(',')}]`
}

/** The shortest decimal that parses to the same double. `JSON.stringify` would turn a non-finite number into null. */
export function numberJson(value: number): string {
  if (!Number.isFinite(value)) throw new Error('a non-finite number must not reach a response')
  return JSON.stringify(value)
}
