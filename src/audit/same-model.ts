import { elementAt } from '../element-at.ts'
import type { PeerPosition } from '../peer/read-answer.ts'
import { compareScores } from './compare-scores.ts'
import type { Scored, Session } from './session.ts'

/** The model that a server should serve, loaded here. */
export interface ReferenceModel {
  /** The id that a tokenizer puts before a text; null when there is none. */
  readonly prefixId: number | null
  /** Longest sequence, in tokens. */
  readonly maxLength: number
  /** Ids of a text, without tokens that the tokenizer adds. */
  encode(text: string): Promise<readonly number[]>
  /** One log-probability per id, in nats; the first is null. */
  score(ids: readonly number[], signal: AbortSignal): Promise<readonly (number | null)[]>
}

/** `same_model`: every sample of the session, token by token. */
export async function compareWithModel(session: Session, model: ReferenceModel): Promise<void> {
  const tally = session.tally('same_model')
  for (const scored of session.samples) {
    const ids = await idsOf(scored, model)
    if (ids.length === 0) tally.note('the server has other tokens than the tokenizer of --model, so some texts were left out')
    const fitting = ids.filter(({ ids: sequence }) => sequence.length <= model.maxLength)
    if (fitting.length < ids.length) tally.note(`texts of more than ${model.maxLength} tokens, the context of --model, were left out`)
    const candidates: ReturnType<typeof differenceOf>[] = []
    for (const candidate of fitting) candidates.push(differenceOf(session, scored, await rowsOf(candidate, scored, { model, signal: session.options.signal })))
    // Nothing says whether a server puts a prefix token before a text and hides it: the closer reading is right.
    const [best] = candidates.sort((a, b) => a.mean - b.mean)
    if (best !== undefined) session.compare('same_model', scored, scored, () => best.difference)
  }
}

interface Candidate {
  readonly ids: readonly number[]
  /** Tokens at the start that the server does not show. */
  readonly hidden: number
}

async function idsOf({ prompt, positions }: Scored, model: ReferenceModel): Promise<Candidate[]> {
  if (typeof prompt !== 'string') return [{ ids: prompt, hidden: 0 }]
  const named = positions.map(({ id }) => id)
  if (named.length > 0 && named.every((id) => id !== null)) return [{ ids: named, hidden: 0 }]
  const ids = await model.encode(prompt)
  const added = positions.length - ids.length
  const prefixed = model.prefixId === null ? null : [model.prefixId, ...ids]
  if (added === 1 && prefixed !== null) return [{ ids: prefixed, hidden: 0 }]
  if (added !== 0) return []
  return [{ ids, hidden: 0 }, ...(prefixed === null ? [] : [{ ids: prefixed, hidden: 1 }])]
}

async function rowsOf(
  { ids, hidden }: Candidate,
  { positions }: Scored,
  { model, signal }: { readonly model: ReferenceModel; readonly signal: AbortSignal }
): Promise<PeerPosition[]> {
  const logProbs = await model.score(ids, signal)
  return positions.map((position, i) => ({ ...position, logProb: elementAt(logProbs, i + hidden) }))
}

function differenceOf(session: Session, { positions }: Scored, rows: readonly PeerPosition[]) {
  const { tolerance } = session.options
  const difference = compareScores(positions, rows, { tolerance, names: ['on the server', 'by the model here'] })
  const pairs = positions.flatMap(({ logProb }, i) => {
    const own = rows[i]?.logProb ?? null
    return logProb === null || own === null || !Number.isFinite(logProb) ? [] : [Math.abs(logProb - own)]
  })
  return { difference, mean: pairs.reduce((sum, value) => sum + value, 0) / Math.max(1, pairs.length) }
}
