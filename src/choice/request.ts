import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../encoding/conversation-input.ts'
import type { LogprobItem, LogprobOptions, TextOrIds } from '../encoding/logprob-item.ts'
import { assertWellFormed } from '../encoding/well-formed.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { promptsWith, type RequestedCandidates } from './candidates.ts'

export const SCORES = ['sum', 'per_token', 'per_byte', 'pmi', 'contextual'] as const

/** What the probabilities of the choices are computed from. docs/guides/choose.md explains when to use which. */
export type Score =
  | { readonly kind: 'sum' | 'per_token' | 'per_byte' }
  /** `domainPrompt` replaces x in the baseline. */
  | { readonly kind: 'pmi'; readonly domainPrompt: string }
  /** Each text of `contentFree` replaces x in a baseline. */
  | { readonly kind: 'contextual'; readonly contentFree: readonly string[] }

/** A choice as a body has it. */
type RequestedChoice = string | { readonly name: string; readonly texts: readonly string[]; readonly value?: number }

/** A question as a body has it. */
interface RequestedQuestion extends ConversationFields, RequestedCandidates {
  readonly x?: TextOrIds
  readonly choices?: readonly RequestedChoice[]
  readonly score?: Score['kind']
  readonly domain_prompt?: string
  readonly content_free?: readonly string[]
  readonly terminator?: string
}

export interface RequestedQuestions extends RequestedQuestion {
  readonly questions?: readonly RequestedQuestion[]
}

export interface Choice {
  readonly name: string
  /** The texts that stand for the choice, without the terminator. */
  readonly spellings: readonly { readonly text: string; readonly param: string }[]
  /** Its place on a scale; null when it has none. */
  readonly value: number | null
}

export interface Question {
  readonly x: LogprobItem['x']
  /** The prompt with the candidates exchanged; null when it is asked in one order. */
  readonly swappedX: LogprobItem['x'] | null
  readonly xParam: string
  readonly choices: readonly Choice[]
  readonly score: Score
  /** Appended to each spelling. */
  readonly endText: string
  readonly eos: LogprobOptions['eos']
}

/** The fields that belong to one question, so that they cannot stand beside `questions`. */
const QUESTION_FIELDS = ['x', 'messages', 'choices', 'score', 'domain_prompt', 'content_free', 'terminator', 'candidates', 'order', ...MESSAGE_OPTIONS] as const

/**
 * The questions of a body, in its order; of a list, a malformed question is the reason why it cannot be asked. Throws
 * `invalid_request`, `empty_completion` or `invalid_text`, naming the field.
 */
export function questionsOf(body: RequestedQuestions): (Question | ServiceError)[] {
  if (body.questions === undefined) return [questionOf(body, '')]
  const stray = QUESTION_FIELDS.find((field) => body[field] !== undefined)
  if (stray !== undefined) throw invalid(stray, `${stray} cannot be combined with questions: put it into each question`)
  return body.questions.map((question, i) => orItsError(() => questionOf(question, `questions/${i}/`)))
}

function orItsError(make: () => Question): Question | ServiceError {
  try {
    return make()
  } catch (error) {
    return serviceErrorFrom(error)
  }
}

function questionOf(body: RequestedQuestion, path: string): Question {
  const { terminator = 'none' } = body
  const xParam = `${path}${body.messages === undefined ? 'x' : 'messages'}`
  const end = terminator === 'none' || terminator === 'eos' ? '' : terminator
  if (terminator === '') throw invalid(`${path}terminator`, `${path}terminator is empty: send none, eos, or a text such as "\\n"`)
  assertWellFormed(end, `${path}terminator`)
  return {
    ...promptsWith(promptOf(body, path), body, xParam, path),
    xParam,
    choices: choicesOf(body.choices, `${path}choices`),
    score: scoreOf(body, path),
    endText: end,
    eos: terminator === 'eos' ? 'score' : 'none'
  }
}

function promptOf(body: RequestedQuestion, path: string): LogprobItem['x'] {
  const { x, messages } = body
  const option = messages === undefined ? MESSAGE_OPTIONS.find((field) => body[field] !== undefined && body[field] !== null) : undefined
  if (option !== undefined)
    throw invalid(`${path}${option}`, `${path}${option} needs messages, which a chat template renders: send it with messages, or leave it out`)
  if (x === undefined && messages === undefined)
    throw invalid(`${path}x`, `${path}x is missing: send x (a text or token ids), messages${path === '' ? ', or questions' : ''}`)
  if (x !== undefined && messages !== undefined) throw invalid(`${path}messages`, `${path}x and ${path}messages exclude each other: send one of them`)
  return messages === undefined ? x! : conversationOf(messages, body, { path, addGenerationPrompt: true })
}

function choicesOf(requested: RequestedQuestion['choices'], path: string): Choice[] {
  if (requested === undefined) throw invalid(path, `${path} is missing: send a list of at least two texts to choose from`)
  if (requested.length < 2) throw invalid(path, `${path} has ${requested.length} entries, and a choice needs at least two`)
  const names = new Map<string, string>()
  const texts = new Map<string, string>()
  return requested.map((choice, i): Choice => {
    const own = `${path}/${i}`
    const { name, texts: spelled, value = null } = typeof choice === 'string' ? { name: choice, texts: [choice] } : choice
    if (spelled.length === 0) throw invalid(`${own}/texts`, `${own}/texts is an empty list: send at least one text that stands for the choice`)
    assertNew(names, name, typeof choice === 'string' ? own : `${own}/name`, 'the name')
    const spellings = spelled.map((text, at) => ({ text, param: typeof choice === 'string' ? own : `${own}/texts/${at}` }))
    for (const { text, param } of spellings) {
      if (text === '') throw new ServiceError('empty_completion', `${param} is empty, so there is nothing to score: leave it out`, { param })
      assertWellFormed(text, param)
      assertNew(texts, text, param, 'the text')
    }
    return { name, spellings, value }
  })
}

function assertNew(seen: Map<string, string>, text: string, param: string, what: string): void {
  const first = seen.get(text)
  if (first !== undefined)
    throw invalid(
      param,
      `${param} repeats ${what} of ${first}, so the choices could not be told apart and its probability would count twice: leave one of them out`
    )
  seen.set(text, param)
}

/** `domain_prompt` and `content_free` each belong to one score, and select it when `score` is missing. */
function scoreOf({ score, domain_prompt: domainPrompt, content_free: contentFree }: RequestedQuestion, path: string): Score {
  const kind = score ?? (domainPrompt !== undefined ? 'pmi' : contentFree !== undefined ? 'contextual' : 'sum')
  if (domainPrompt !== undefined && kind !== 'pmi') throw unused(`${path}domain_prompt`, 'pmi', kind)
  if (contentFree !== undefined && kind !== 'contextual') throw unused(`${path}content_free`, 'contextual', kind)
  if (kind === 'pmi') {
    assertWellFormed(domainPrompt ?? '', `${path}domain_prompt`)
    // Without a domain prompt the baseline has no x.
    return { kind, domainPrompt: domainPrompt ?? '' }
  }
  if (kind !== 'contextual') return { kind }
  if (contentFree === undefined || contentFree.length === 0)
    throw invalid(
      `${path}content_free`,
      `score contextual needs ${path}content_free: your prompt with a text without content in the place of the question, such as "N/A", once or several times`
    )
  contentFree.forEach((text, i) => {
    assertWellFormed(text, `${path}content_free/${i}`)
  })
  return { kind, contentFree }
}

function unused(param: string, wanted: string, kind: string): ServiceError {
  return invalid(param, `${param} belongs to score ${wanted}, but this question has score ${kind}: leave one of them out`)
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
