import type { PeerClient, PeerRequest } from '../peer/peer-client.ts'
import { PeerError } from '../peer/peer-error.ts'
import { type PeerChoice, promptForm } from '../peer/read-answer.ts'
import { examineAnswer } from './answer-checks.ts'
import type { Tallies } from './result.ts'
import type { Abilities, Scored, Session } from './session.ts'
import { startOf } from './texts.ts'

/** The first forms that a server takes are used: the most informative first. */
const FORMS: readonly Abilities[] = [
  { form: 'echo', topCount: 5, tokensAsIds: true },
  { form: 'echo', topCount: 5, tokensAsIds: false },
  { form: 'echo', topCount: 1, tokensAsIds: false },
  { form: 'prompt_logprobs', topCount: 5, tokensAsIds: false },
  { form: 'prompt_logprobs', topCount: 1, tokensAsIds: false }
]

/**
 * Finds how a server gives log-probabilities of a prompt. Null if it answers without them, which is then a finding of
 * `list_lengths`. Throws the first refusal when it refuses every form.
 */
export async function findAbilities(client: PeerClient, tallies: Tallies, text: string, signal: AbortSignal): Promise<Abilities | null> {
  let refusal: PeerError | null = null
  let ignored: (() => void) | null = null
  for (const abilities of FORMS) {
    const request: PeerRequest = { ...abilities, prompts: [text], maxTokens: 1 }
    try {
      const answer = await client.complete(request, signal)
      const [choice] = answer.choices
      if (choice === undefined) continue
      if (hasPrompt(choice)) {
        // A server that takes echo and ignores it misleads its clients, whatever else it offers.
        ignored?.()
        return { ...abilities, tokensAsIds: abilities.tokensAsIds && namesIds(choice) }
      }
      ignored ??= () => examineAnswer(tallies, { answer, choice, prompt: text, request, body: client.bodyOf(request), place: '' })
    } catch (error) {
      if (!(error instanceof PeerError) || error.kind === 'unreachable' || error.status === 401 || error.status === 403) throw error
      refusal ??= error
    }
  }
  if (ignored === null) throw refusal ?? new PeerError('invalid', 'the server gave no answer that can be read')
  ignored()
  return null
}

function hasPrompt(choice: PeerChoice): boolean {
  const found = promptForm(choice)
  return found !== null && found.positions.length > (found.form === 'echo' ? 1 : 0)
}

function namesIds(choice: PeerChoice): boolean {
  return choice.echo?.every(({ id }) => id !== null) ?? false
}

/** How prompts can be sent, as a few requests found. */
export interface Material {
  /** Token ids of a text as the server tokenizes it, with the tokens that it adds; null when nothing names them. */
  idsOf(text: string): Promise<readonly number[] | null>
  /** The ids without the tokens that the server adds, from an endpoint of its own; null when it has none. */
  tokenize(text: string): Promise<readonly number[] | null>
  /** Whether the server takes token ids. Otherwise all prompts are texts. */
  readonly takesIds: boolean
  /** Whether one request may have several prompts. */
  readonly takesLists: boolean
  readonly charactersPerToken: number
  /** At most `characters`, and so few that the text fits the longest prompt to send. */
  fit(characters: number): number
}

/** Share of the longest prompt that an estimated text may take. */
const FILL = 0.75

/** Asks for a text, its ids, and two prompts at once. Notes at the checks that need them what the server refused. */
export async function findMaterial(
  client: PeerClient,
  session: Session,
  { texts, maxTokens }: { readonly texts: readonly [string, string]; readonly maxTokens: number }
): Promise<Material> {
  const { signal } = session.options
  let hasTokenize = true
  const tokenize = async (text: string): Promise<readonly number[] | null> => {
    const ids = hasTokenize ? await client.tokenize(text, signal) : null
    hasTokenize = ids !== null
    return ids
  }
  const idsOf = async (text: string): Promise<readonly number[] | null> => {
    if (session.options.abilities.tokensAsIds) {
      const ids = (await session.scoreOne(text))?.positions.map(({ id }) => id) ?? []
      if (ids.length > 0 && ids.every((id) => id !== null)) return ids
    }
    return tokenize(text)
  }
  const ids = await idsOf(texts[0])
  const textEqualsIds = session.tally('text_equals_ids')
  if (ids === null) textEqualsIds.note('the server names no token ids: no return_tokens_as_token_ids and no endpoint to tokenize')
  const scoredIds = ids === null ? null : await session.score([ids], { refusals: textEqualsIds, isTrial: true })
  const takesIds = scoredIds !== null && scoredIds[0] !== null
  const refusals = session.tally('batch_invariance')
  const takesLists = (await session.score(takesIds && ids !== null ? [ids, ids] : [...texts], { refusals, isTrial: true })) !== null
  if (!takesLists) session.tally('order_invariance').note('the server refuses several prompts in one request')
  const charactersPerToken = texts[0].length / ((await session.scoreOne(texts[0]))?.positions.length ?? texts[0].length)
  return { idsOf, tokenize, takesIds, takesLists, charactersPerToken, fit: (characters) => Math.min(characters, maxTokens * FILL * charactersPerToken) }
}

/** The first `count` tokens of a scored prompt, or some words fewer of a text. */
export function prefixOf({ prompt, positions }: Scored, count: number): Scored['prompt'] {
  if (typeof prompt !== 'string') return prompt.slice(0, count)
  // A text that ends before a space has the same tokens as within a longer one.
  return startOf(prompt, count / positions.length)
}
