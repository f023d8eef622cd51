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
    const prompt = prompts[i]
    const faults = [...choice.faults, ...lengthFaults(choice, promptTokensOf(answer, prompt), 1)]
    const found = promptForm(choice)
    const positions = found === null ? [] : found.form === 'echo' ? found.positions.slice(0, -1) : found.positions
    const [fault] = [...faults, ...valueFaults(positions)]
    if (fault !== undefined) throw new PeerError('invalid', `prompt ${i} of ${prompts.length}: ${fault}`)
    return { positions }
  })
}

/** Tokens of a prompt: its ids, or what `usage` says if it was the only one; null when nothing says so. */
function promptTokensOf({ choices, promptTokens }: PeerAnswer, prompt: PeerPrompt | undefined): number | null {
  return prompt !== undefined && typeof prompt !== 'string' ? prompt.length : choices.length === 1 ? promptTokens : null
}

/** What is wrong with the lengths of the lists: P entries for `maxTokens` 0, P + 1 for 1. */
function lengthFaults(choice: PeerChoice, promptTokens: number | null, maxTokens: 0 | 1): string[] {
  const found = promptForm(choice)
  if (found === null) return ['the response has no log-probabilities: the server ignored "echo" or "logprobs"']
  const { form, positions } = found
  const generated = form === 'echo' ? maxTokens : 0
  const expected = promptTokens === null ? null : promptTokens + generated
  if (expected !== null && positions.length !== expected)
    return [
      `${form === 'echo' ? 'token_logprobs' : form} has ${positions.length} entries for ${promptTokens} prompt tokens and ${generated} generated: expected ${expected}` +
        (positions.length <= generated ? '; the server returned no log-probabilities of the prompt' : '')
    ]
  return positions.length <= generated ? ['the server returned no log-probabilities of the prompt'] : []
}

/** What is wrong with the log-probabilities of a prompt, at most one fault per kind, each with its first position. */
function valueFaults(positions: readonly PeerPosition[]): string[] {
  const [first] = positions
  const rest = positions.slice(1)
  const fault = (isFault: (logProb: number | null) => boolean, text: string): string[] => {
    const at = rest.findIndex(({ logProb }) => isFault(logProb))
    const count = rest.filter(({ logProb }) => isFault(logProb)).length
    return at === -1 ? [] : [`${text} at position ${at + 1} (value ${String(rest[at]?.logProb)}; ${count} of ${rest.length} positions)`]
  }
  return [
    ...(first !== undefined && first.logProb !== null
      ? [`the first token has the log-probability ${first.logProb}, and nothing precedes it: expected null`]
      : []),
    ...fault((logProb) => logProb === null, 'no log-probability'),
    ...fault((logProb) => logProb !== null && !Number.isFinite(logProb), 'a log-probability that is not finite'),
    ...fault((logProb) => logProb !== null && logProb > 0 && Number.isFinite(logProb), 'a log-probability above 0')
  ]
}
