import { elementAt } from '../element-at.ts'
import type { PeerClient, PeerPrompt } from './peer-client.ts'
import { PeerError } from './peer-error.ts'
import { type PeerAnswer, type PeerChoice, type PeerPosition, promptForm } from './read-answer.ts'

export interface PeerScores {
  /** One entry per token of the prompt. The first has no log-probability; all others have one that is at most 0. */
  readonly positions: readonly PeerPosition[]
}

/**
 * Scores prompts of one kind in one request, with `echo` and one generated token, which is dropped. Throws `PeerError`
 * (`invalid`) unless every prompt has one log-probability per token, the first null, all others finite and at most 0.
 */
export async function scorePrompts(
  client: PeerClient,
  prompts: readonly PeerPrompt[],
  { topCount, signal }: { readonly topCount: number; readonly signal?: AbortSignal }
): Promise<PeerScores[]> {
  const answer = await client.complete({ prompts, form: 'echo', topCount, maxTokens: 1 }, signal)
  return answer.choices.map((choice, i) => {
    const prompt = elementAt(prompts, i)
    const faults = [...choice.faults, ...lengthFaults(choice, { prompt, promptTokens: promptTokensOf(answer, prompt), maxTokens: 1 })]
    const found = promptForm(choice)
    const positions = found === null ? [] : found.form === 'echo' ? found.positions.slice(0, -1) : found.positions
    const [fault] = [...faults, ...valueFaults(positions).map(({ text }) => text)]
    if (fault !== undefined) throw new PeerError('invalid', `prompt ${i} of ${prompts.length}: ${fault}`)
    return { positions }
  })
}

/** Tokens of a prompt: its ids, or what `usage` says if it was the only one; null when nothing says so. */
export function promptTokensOf({ choices, promptTokens }: PeerAnswer, prompt: PeerPrompt): number | null {
  return typeof prompt !== 'string' ? prompt.length : choices.length === 1 ? promptTokens : null
}

/**
 * What is wrong with the lengths of the lists: P entries for `maxTokens` 0, P + 1 for 1. A server may hide one token
 * that it puts before a text, such as BOS, as long as its lists reach the end of the text.
 */
export function lengthFaults(
  choice: PeerChoice,
  { prompt, promptTokens, maxTokens }: { readonly prompt: PeerPrompt; readonly promptTokens: number | null; readonly maxTokens: 0 | 1 }
): string[] {
  const found = promptForm(choice)
  if (found === null) return ['the response has no log-probabilities: the server ignored "echo" or "logprobs"']
  const { form, positions } = found
  const generated = form === 'echo' ? maxTokens : 0
  const missing = promptTokens === null ? 0 : promptTokens + generated - positions.length
  const has = `${form === 'echo' ? 'token_logprobs' : form} has ${positions.length} entries for ${promptTokens} prompt tokens and ${generated} generated`
  if (positions.length <= generated) return [`${has}: the server returned no log-probabilities of the prompt`]
  if (missing === 0 || (missing === 1 && hidesPrefix(choice, prompt))) return []
  const late = missing === 1 && isLate(choice) ? '; the last row predicts the token behind it, so every row is one position late' : ''
  return [`${has}: expected ${positions.length + missing}${late}`]
}

/** Whether the listed tokens spell the whole text of the choice, which goes on behind the prompt. */
function hidesPrefix({ echo, text }: PeerChoice, prompt: PeerPrompt): boolean {
  if (echo === null || text === null || typeof prompt !== 'string' || text.length <= prompt.length) return false
  return echo.map(({ token }) => token ?? '').join('') === text
}

/** Whether the top token of the last row is the text behind the tokens that are listed. */
function isLate({ echo, text }: PeerChoice): boolean {
  const listed = (echo ?? []).map(({ token }) => token ?? '').join('')
  const top = echo?.at(-1)?.top ?? []
  const best = top.reduce<(typeof top)[number] | null>((most, other) => (most === null || other.logProb > most.logProb ? other : most), null)
  return text !== null && best !== null && text.length > listed.length && text === listed + best.token
}

/** The kind of a fault of a log-probability. */
type ValueKind = 'first_token' | 'finite_log_probs' | 'at_most_zero'

/** What is wrong with the log-probabilities of a prompt, at most one fault per kind, each with its first position. */
export function valueFaults(positions: readonly PeerPosition[]): { readonly kind: ValueKind; readonly text: string }[] {
  const [first] = positions
  const rest = positions.slice(1)
  const fault = (kind: ValueKind, text: string, isFault: (logProb: number | null) => boolean) => {
    const at = rest.findIndex(({ logProb }) => isFault(logProb))
    const count = rest.filter(({ logProb }) => isFault(logProb)).length
    return at === -1 ? [] : [{ kind, text: `${text} at position ${at + 1} (value ${String(rest[at]?.logProb)}; ${count} of ${rest.length} positions)` }]
  }
  const early = first !== undefined && first.logProb !== null
  return [
    ...(early
      ? [{ kind: 'first_token' as const, text: `the first token has the log-probability ${first.logProb}, and nothing precedes it: expected null` }]
      : []),
    ...fault('finite_log_probs', 'no log-probability', (logProb) => logProb === null),
    ...fault('finite_log_probs', 'a log-probability that is not finite', (logProb) => logProb !== null && !Number.isFinite(logProb)),
    ...fault('at_most_zero', 'a log-probability above 0', (logProb) => logProb !== null && logProb > 0 && Number.isFinite(logProb))
  ]
}
