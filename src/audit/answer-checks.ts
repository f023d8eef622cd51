import type { PeerPrompt, PeerRequest } from '../peer/peer-client.ts'
import { type PeerAnswer, type PeerChoice, type PeerPosition, promptForm } from '../peer/read-answer.ts'
import { lengthFaults, promptTokensOf, valueFaults } from '../peer/score-prompts.ts'
import type { RequestBody, Tallies } from './result.ts'

/** Values below this are placeholders: OpenAI's and vLLM's -9999 for a token that the server had ruled out. */
const PLACEHOLDER_NATS = -1000
/** The audit's texts leave no token certain, so at most this share of the values may be exactly 0, or be one value. */
const MAX_SHARE_OF_ONE_VALUE = 0.2
const MIN_FOR_SHARE = 10
/** A sum of float32 or bfloat16 probabilities may exceed 1 by rounding. */
const MASS_TOLERANCE = 0.01
/** Two tokens of one text share a key of top_logprobs, which then has the value of one of them. Rare in English. */
const MAX_SHARE_OF_KEY_COLLISIONS = 0.1

interface Examined {
  readonly answer: PeerAnswer
  readonly choice: PeerChoice
  readonly prompt: PeerPrompt
  readonly request: PeerRequest
  readonly body: RequestBody
  /** Which prompt of the request, for messages. */
  readonly place: string
}

/** Examines one choice on its own. Null when its lists cannot be compared with others. */
export function examineAnswer(
  tallies: Tallies,
  { answer, choice, prompt, request, body, place }: Examined
): { readonly positions: readonly PeerPosition[]; readonly generated: PeerPosition | null } | null {
  const report = (id: keyof Tallies, faults: readonly string[], count: number): void => {
    tallies[id].examined(count)
    for (const fault of faults) tallies[id].find(place + fault, [body])
  }
  report('response', [...choice.faults, ...(answer.hasPythonNumbers ? ['the response has NaN or Infinity, which is not JSON'] : [])], 0)
  const promptTokens = promptTokensOf(answer, prompt)
  const lengths = lengthFaults(choice, { prompt, promptTokens, maxTokens: request.maxTokens })
  report('list_lengths', lengths, 1)
  const found = promptForm(choice)
  if (promptTokens !== null && lengths.length === 0 && found?.positions.length === promptTokens + request.maxTokens - 1 && found.form === 'echo')
    tallies.list_lengths.note('the server puts a token before a text that its lists do not show')
  if (lengths.length > 0 || found === null) return null

  const generatedCount = found.form === 'echo' ? request.maxTokens : 0
  const positions = found.positions.slice(0, found.positions.length - generatedCount)
  const generated = generatedCount === 0 ? null : (found.positions.at(-1) ?? null)
  for (const { kind, text } of valueFaults(positions)) report(kind, [text], 0)
  const scored = positions.slice(1)
  report('first_token', [], 1)
  report('finite_log_probs', [], scored.length)
  report('at_most_zero', [], scored.length)
  report('placeholders', placeholderFaults(scored), scored.length)
  const tops = (generated === null ? scored : [...scored, generated]).filter(({ top }) => top !== null && top.length > 0)
  if (tops.length === 0) for (const id of ['top_contains_token', 'top_mass', 'greedy_token'] as const) tallies[id].note('the server shows no top tokens')
  const named = (faults: readonly (string | null)[]): string[] => faults.filter((fault) => fault !== null)
  report('top_contains_token', named([first(tops, missing)]), tops.length)
  report('top_mass', named([first(tops, excessMass)]), tops.length)
  report('greedy_token', named([first(tops, aboveTop), differentValue(tops), ungreedy(generated)]), tops.length)
  listsAgree(tallies, choice, positions, body)
  return { positions, generated }
}

type Values = readonly PeerPosition[]

/** The fault of the first position that has one, with the number of positions. */
function first(positions: Values, faultOf: (position: PeerPosition) => string | null): string | null {
  const faults = positions.map(faultOf)
  const at = faults.findIndex((fault) => fault !== null)
  return at === -1 ? null : `position ${at + 1}: ${faults[at]} (${faults.filter((fault) => fault !== null).length} of ${faults.length} positions)`
}

function placeholderFaults(scored: Values): string[] {
  const values = scored.flatMap(({ logProb }) => (logProb === null ? [] : [logProb]))
  const low = values.filter((value) => value <= PLACEHOLDER_NATS && Number.isFinite(value))
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [common, count] = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most), [0, 0])
  return [
    ...(low.length > 0
      ? [
          `position ${scored.findIndex(({ logProb }) => logProb === low[0]) + 1}: ${low[0]} in place of a log-probability (${low.length} of ${values.length} values)`
        ]
      : []),
    ...(values.length >= MIN_FOR_SHARE && count > values.length * MAX_SHARE_OF_ONE_VALUE && !low.includes(common)
      ? [`${count} of ${values.length} values are exactly ${common}, first at position ${scored.findIndex(({ logProb }) => logProb === common) + 1}`]
      : [])
  ]
}

function ownIn({ token, id, top }: PeerPosition): number | undefined {
  return top?.find((other) => (id !== null && other.id !== null ? other.id === id : other.token === token))?.logProb
}

/** Ties are allowed: 16-bit logits have many. */
function missing(position: PeerPosition): string | null {
  const { logProb, top } = position
  const lowest = Math.min(...(top ?? []).map((other) => other.logProb))
  if (logProb === null || ownIn(position) !== undefined || logProb <= lowest) return null
  return `the token has ${logProb} and is not in top_logprobs, whose lowest value is ${lowest}`
}

function excessMass({ top }: PeerPosition): string | null {
  const mass = (top ?? []).reduce((sum, { logProb }) => sum + Math.exp(logProb), 0)
  return mass > 1 + MASS_TOLERANCE ? `the probabilities of ${top?.length} top tokens sum to ${mass.toFixed(4)}` : null
}

function aboveTop({ logProb, top }: PeerPosition): string | null {
  const largest = Math.max(...(top ?? []).map((other) => other.logProb))
  return logProb !== null && logProb > largest ? `the token has ${logProb}, above the largest value of top_logprobs, ${largest}` : null
}

/** Clients compare with ===: a value that is rounded in one list makes no token greedy. */
function differentValue(positions: Values): string | null {
  const shared = positions.flatMap((position, i) => {
    const own = ownIn(position)
    return own === undefined || position.logProb === null ? [] : [{ at: i + 1, own, logProb: position.logProb }]
  })
  const unequal = shared.filter(({ own, logProb }) => own !== logProb)
  const [start] = unequal
  if (start === undefined || unequal.length <= shared.length * MAX_SHARE_OF_KEY_COLLISIONS) return null
  return `position ${start.at}: the token has ${start.logProb} in token_logprobs and ${start.own} in top_logprobs (${unequal.length} of ${shared.length} positions)`
}

/** With temperature 0 the generated token is the most probable one. */
function ungreedy(generated: PeerPosition | null): string | null {
  const largest = Math.max(...(generated?.top ?? []).map(({ logProb }) => logProb))
  if (generated === null || generated.logProb === null || !Number.isFinite(largest) || generated.logProb >= largest) return null
  return `the token generated with temperature 0 has ${generated.logProb}, and another one ${largest}`
}

/** vLLM answers echo with both lists. */
function listsAgree(tallies: Tallies, { echo, promptLogprobs }: PeerChoice, positions: Values, body: RequestBody): void {
  const tally = tallies.lists_agree
  if (echo === null || promptLogprobs === null) return
  tally.examined(positions.length)
  const at = positions.findIndex(({ logProb }, i) => logProb !== promptLogprobs[i]?.logProb)
  if (promptLogprobs.length !== positions.length)
    tally.find(`prompt_logprobs has ${promptLogprobs.length} entries for ${positions.length} prompt tokens`, [body])
  else if (at !== -1) tally.find(`position ${at}: ${positions[at]?.logProb} in token_logprobs, ${promptLogprobs[at]?.logProb} in prompt_logprobs`, [body])
}
