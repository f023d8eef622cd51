import { elementAt } from '../../element-at.ts'
import { compareScores, compareTops, isSameToken } from '../compare-scores.ts'
import { type Material, prefixOf } from '../probe.ts'
import type { CheckId } from '../result.ts'
import type { Scored, Session } from '../session.ts'
import { startOf, type TextMaker } from '../texts.ts'

/** Where caches, chunks and attention windows of servers end. */
const BOUNDARIES = [256, 512, 1024, 2048] as const
/** Tokens beyond the last boundary, so that a row after it exists. */
const TAIL_TOKENS = 24
const CHARACTERS = 480
const SHARES = [0.1, 0.3, 0.5, 0.7, 0.9] as const

/** `causality` and `generation_agrees` on one text, at five places. */
export async function checkPrefixes(session: Session, material: Material, maker: TextMaker): Promise<void> {
  const text = maker.text(material.fit(CHARACTERS))
  const ids = material.takesIds ? await material.idsOf(text) : null
  const whole = await session.scoreOne(ids ?? text)
  for (const share of SHARES) {
    if (whole === null) break
    await comparePrefix(session, whole, Math.max(2, Math.round(whole.positions.length * share)), { prefix: 'causality', generation: 'generation_agrees' })
  }
}

/**
 * Scores the first tokens of a text alone. Their values are compared with those in the whole text, and the distribution
 * after them, which the server computes to generate a token, with the row of the whole text at this position.
 */
async function comparePrefix(session: Session, whole: Scored, count: number, ids: { readonly prefix: CheckId; readonly generation: CheckId }): Promise<void> {
  const { tolerance } = session.options
  const prefix = await session.scoreOne(prefixOf(whole, count))
  const names = [`in the prefix of ${prefix?.positions.length ?? count} tokens`, 'in the whole text'] as const
  session.compare(ids.prefix, prefix, whole, () => compareScores(prefix?.positions ?? [], whole.positions, { tolerance, names }))
  if (prefix === null) return
  const next = whole.positions[prefix.positions.length]
  const { generated } = prefix
  if (generated === null || next === undefined) {
    session.tally(ids.generation).note('the server shows no log-probabilities of the generated token')
    return
  }
  // In a text, a token at the end of the prefix may be another one than in the whole text.
  if (prefix.positions.some((position, i) => !isSameToken(position, whole.positions[i]))) {
    session.tally(ids.generation).note('some prefixes have other tokens than the whole text')
    return
  }
  const place = `at position ${prefix.positions.length}`
  const named = [`generated ${place}`, `echoed ${place}`] as const
  session.compare(ids.generation, prefix, whole, () => compareTops(generated, next, { tolerance, names: named }))
}

/**
 * The same at the lengths where caches and chunks end, on one long text. `maxTokens` is the longest prompt to send; a
 * server that refuses the text is asked for the next shorter one.
 */
export async function checkBoundaries(session: Session, material: Material, maker: TextMaker, maxTokens: number): Promise<void> {
  const tally = session.tally('length_boundaries')
  const usable: number[] = BOUNDARIES.filter((boundary) => boundary + TAIL_TOKENS <= maxTokens)
  for (const boundary of BOUNDARIES.slice(usable.length))
    tally.note(`${boundary} tokens and ${TAIL_TOKENS} more exceed the longest prompt to send, ${maxTokens}`)

  for (; usable.length > 0; usable.pop()) {
    const last = elementAt(usable, usable.length - 1)
    const whole = await scoreLong(session, material, maker, last + TAIL_TOKENS)
    if (whole === null) {
      tally.note(`the server gave no log-probabilities for ${last + TAIL_TOKENS} tokens`)
      continue
    }
    for (const boundary of usable) {
      // In a text the prefix is only about as long.
      for (const count of material.takesIds ? [boundary - 1, boundary, boundary + 1] : [boundary - 1, boundary + 4, boundary + 12])
        await comparePrefix(session, whole, count, { prefix: 'length_boundaries', generation: 'length_boundaries' })
    }
    return
  }
}

async function scoreLong(session: Session, material: Material, maker: TextMaker, tokens: number): Promise<Scored | null> {
  const tally = session.tally('length_boundaries')
  const text = maker.text(tokens * material.charactersPerToken * 1.25)
  // A text of this length might exceed the context, so its parts are tokenized one by one.
  const ids = material.takesIds ? await idsInParts(material, text) : null
  if (ids !== null) return only(await session.score([ids.slice(0, tokens)], { refusals: tally }))
  let share = 0.8
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const scored = only(await session.score([startOf(text, share)], { refusals: tally }))
    const length = scored?.positions.length ?? tokens
    if (length >= tokens - TAIL_TOKENS / 4) return scored
    share *= tokens / length
  }
  return null
}

/** Times that a text is made longer, because its number of tokens was estimated too high. */
const MAX_TRIES = 3

function only(scored: readonly (Scored | null)[] | null): Scored | null {
  return scored?.[0] ?? null
}

const PART_CHARACTERS = 700

/** The first part has the tokens that the server adds to a text, such as BOS. */
async function idsInParts(material: Material, text: string): Promise<number[] | null> {
  const cut = text.lastIndexOf(' ', PART_CHARACTERS)
  const ids = [...((await material.idsOf(text.slice(0, cut))) ?? [])]
  const rest = await material.tokenize(text.slice(cut))
  if (rest !== null) return [...ids, ...rest]
  for (let start = cut; start < text.length; ) {
    const end = text.length - start <= PART_CHARACTERS ? text.length : text.lastIndexOf(' ', start + PART_CHARACTERS)
    const part = await material.idsOf(text.slice(start, end))
    if (part === null) return null
    ids.push(...part)
    start = end
  }
  return ids
}
